//! Names of record types and response codes, as IANA's "Domain Name System (DNS) Parameters" registers them.

use std::borrow::Cow;

/// The name of a record or query type, for example `AAAA`; unknown ones as `TYPE123` (RFC 3597 §5), 255 as `ANY`.
#[must_use]
pub fn type_name(query_type: u16) -> Cow<'static, str> {
    let name = match query_type {
        1 => "A",
        2 => "NS",
        3 => "MD",
        4 => "MF",
        5 => "CNAME",
        6 => "SOA",
        7 => "MB",
        8 => "MG",
        9 => "MR",
        10 => "NULL",
        11 => "WKS",
        12 => "PTR",
        13 => "HINFO",
        14 => "MINFO",
        15 => "MX",
        16 => "TXT",
        17 => "RP",
        18 => "AFSDB",
        19 => "X25",
        20 => "ISDN",
        21 => "RT",
        22 => "NSAP",
        23 => "NSAP-PTR",
        24 => "SIG",
        25 => "KEY",
        26 => "PX",
        27 => "GPOS",
        28 => "AAAA",
        29 => "LOC",
        30 => "NXT",
        31 => "EID",
        32 => "NIMLOC",
        33 => "SRV",
        34 => "ATMA",
        35 => "NAPTR",
        36 => "KX",
        37 => "CERT",
        38 => "A6",
        39 => "DNAME",
        40 => "SINK",
        41 => "OPT",
        42 => "APL",
        43 => "DS",
        44 => "SSHFP",
        45 => "IPSECKEY",
        46 => "RRSIG",
        47 => "NSEC",
        48 => "DNSKEY",
        49 => "DHCID",
        50 => "NSEC3",
        51 => "NSEC3PARAM",
        52 => "TLSA",
        53 => "SMIMEA",
        55 => "HIP",
        56 => "NINFO",
        57 => "RKEY",
        58 => "TALINK",
        59 => "CDS",
        60 => "CDNSKEY",
        61 => "OPENPGPKEY",
        62 => "CSYNC",
        63 => "ZONEMD",
        64 => "SVCB",
        65 => "HTTPS",
        66 => "DSYNC",
        67 => "HHIT",
        68 => "BRID",
        99 => "SPF",
        100 => "UINFO",
        101 => "UID",
        102 => "GID",
        103 => "UNSPEC",
        104 => "NID",
        105 => "L32",
        106 => "L64",
        107 => "LP",
        108 => "EUI48",
        109 => "EUI64",
        128 => "NXNAME",
        249 => "TKEY",
        250 => "TSIG",
        251 => "IXFR",
        252 => "AXFR",
        253 => "MAILB",
        254 => "MAILA",
        // Registered as `*`, which every tool calls ANY (RFC 8482 §1).
        255 => "ANY",
        256 => "URI",
        257 => "CAA",
        258 => "AVC",
        259 => "DOA",
        260 => "AMTRELAY",
        261 => "RESINFO",
        262 => "WALLET",
        263 => "CLA",
        264 => "IPN",
        32_768 => "TA",
        32_769 => "DLV",
        unknown => return Cow::Owned(format!("TYPE{unknown}")),
    };
    Cow::Borrowed(name)
}

/// The name of a response code in capitals, for example `NXDOMAIN` (RFC 6895 §2.3); unknown ones as `RCODE24`.
#[must_use]
pub fn response_code_name(response_code: u16) -> Cow<'static, str> {
    let name = match response_code {
        0 => "NOERROR",
        1 => "FORMERR",
        2 => "SERVFAIL",
        3 => "NXDOMAIN",
        4 => "NOTIMP",
        5 => "REFUSED",
        6 => "YXDOMAIN",
        7 => "YXRRSET",
        8 => "NXRRSET",
        9 => "NOTAUTH",
        10 => "NOTZONE",
        11 => "DSOTYPENI",
        16 => "BADVERS",
        17 => "BADKEY",
        18 => "BADTIME",
        19 => "BADMODE",
        20 => "BADNAME",
        21 => "BADALG",
        22 => "BADTRUNC",
        23 => "BADCOOKIE",
        unknown => return Cow::Owned(format!("RCODE{unknown}")),
    };
    Cow::Borrowed(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_have_registry_names_and_unknown_ones_numbers() {
        let names = [1, 28, 65, 12, 255, 32_769, 54, 65_280].map(type_name);
        assert_eq!(
            names,
            [
                "A",
                "AAAA",
                "HTTPS",
                "PTR",
                "ANY",
                "DLV",
                "TYPE54",
                "TYPE65280"
            ]
        );
    }

    #[test]
    fn response_codes_have_names_with_and_without_edns() {
        assert_eq!(
            [0, 2, 3, 5, 23, 24].map(response_code_name),
            [
                "NOERROR",
                "SERVFAIL",
                "NXDOMAIN",
                "REFUSED",
                "BADCOOKIE",
                "RCODE24"
            ]
        );
    }
}
