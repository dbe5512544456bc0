//! intap reads packet captures and says which Microsoft Intune endpoint sets a device reached.

pub mod attribution;
pub mod audit;
pub mod capture;
pub mod catalog;
pub mod cli;
pub mod decode;
pub mod dissect;
pub mod facts;
pub mod flow;
pub mod observe;
pub mod report;
