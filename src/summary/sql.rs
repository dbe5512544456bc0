//! One's own question in SQL over the tables.
//!
//! The engine would also read other files and define tables; only a query over these tables is let through.

use super::error::SummaryError;
use super::grid::Grid;
use super::sources::Sources;
use crate::tables::Table;
use polars::prelude::Engine;
use polars::sql::SQLContext;
use sqlparser::ast::{Query, SetExpr, Statement, TableFactor, Visit, Visitor};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::Parser;
use std::ops::ControlFlow;

/// Longest statement, in octets.
const LONGEST: usize = 65_536;

/// Runs one SELECT over the tables `flows`, `lookups`, `verdicts`, `hosts` and `findings`.
///
/// # Errors
///
/// It is no single SELECT, names other sources, or is wrong; or a table is damaged.
pub fn query(sources: &Sources, statement: &str) -> Result<Grid, SummaryError> {
    check(statement)?;
    let mut context = SQLContext::new();
    for table in Table::ALL {
        context.register(table.name(), sources.frame(table, (None, None))?);
    }
    let frame = context
        .execute(statement)
        .map_err(|error| SummaryError::sql(&error))?;
    // Where only rows of joined files are counted, the optimiser adds the counts up as 128-bit numbers, which our build of the
    // engine lacks: it would panic. Without the step that does so the columns are read too, which is slower and right.
    let plan = frame
        .describe_optimized_plan()
        .map_err(|error| SummaryError::sql(&error))?;
    let frame = frame
        .with_projection_pushdown(!plan.contains("128"))
        .collect_with_engine(Engine::Streaming)
        .map(|result| result.unwrap_single())
        .map_err(|error| SummaryError::sql(&error))?;
    Ok(Grid::of(&frame))
}

fn refused(why: &str) -> SummaryError {
    SummaryError::Sql(why.into())
}

fn check(text: &str) -> Result<(), SummaryError> {
    if text.len() > LONGEST {
        return Err(refused(
            "the statement is too long; 65,536 octets are enough for any question",
        ));
    }
    let statements = Parser::parse_sql(&GenericDialect {}, text).map_err(|error| {
        let error = error.to_string();
        refused(&crate::facts::printable(error.as_bytes(), 400))
    })?;
    let [Statement::Query(query)] = statements.as_slice() else {
        return Err(refused(
            "one SELECT statement is needed, such as SELECT feature_area, count(*) FROM flows GROUP BY feature_area",
        ));
    };
    match query.visit(&mut OnlyTables) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(why) => Err(refused(why)),
    }
}

/// Stops at whatever is no query over tables that are there.
struct OnlyTables;

impl Visitor for OnlyTables {
    type Break = &'static str;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Self::Break> {
        let mut bodies = vec![query.body.as_ref()];
        while let Some(body) = bodies.pop() {
            match body {
                SetExpr::Select(select) if select.into.is_none() => {}
                SetExpr::Query(_) | SetExpr::Values(_) => {}
                SetExpr::SetOperation { left, right, .. } => {
                    bodies.extend([left.as_ref(), right.as_ref()])
                }
                _ => {
                    return ControlFlow::Break(
                        "only SELECT is possible; the tables are never changed",
                    );
                }
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Self::Break> {
        match factor {
            TableFactor::Table { args: None, .. }
            | TableFactor::Derived { .. }
            | TableFactor::NestedJoin { .. }
            | TableFactor::UNNEST { .. } => ControlFlow::Continue(()),
            _ => ControlFlow::Break(
                "only the tables flows, lookups, verdicts, hosts and findings can be read; name files as inputs of the command",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_select_over_the_tables_passes() {
        for good in [
            "SELECT 1",
            "SELECT feature_area, count(*) FROM flows GROUP BY ALL",
            "WITH f AS (SELECT * FROM flows) SELECT * FROM f JOIN lookups USING (name)",
            "SELECT * FROM (SELECT * FROM flows UNION ALL SELECT * FROM flows) AS f",
        ] {
            assert!(check(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "DROP TABLE flows",
            "SELECT 1; SELECT 2",
            "CREATE TABLE x AS SELECT * FROM flows",
            "SELECT * FROM read_csv('/etc/passwd')",
            "SELECT * FROM flows WHERE name IN (SELECT column_1 FROM read_csv('/etc/passwd'))",
            "WITH x AS (SELECT * FROM read_parquet('x')) SELECT * FROM x",
            "SELECT * FROM flows, LATERAL read_csv('/etc/passwd')",
            "SELECT * INTO x FROM flows",
            "TRUNCATE flows",
            "DELETE FROM flows",
            "EXPLAIN SELECT 1",
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
        assert!(check(&"(".repeat(60_000)).is_err());
    }
}
