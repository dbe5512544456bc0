//! Whether a visible certificate was made by something that inspects TLS.
//!
//! Certificates are visible up to TLS 1.2 only. An unknown issuer alone proves nothing (a new public authority, a test
//! lab), so it takes one more sign.

use crate::facts::{CertificateFact, HostName};

/// Organisations that issue for the endpoints of the list, from their certificates and from the Microsoft Trusted Root
/// Program's list of participants. Compared in lower case as parts of the issuer's name.
const PUBLIC_ISSUERS: [&str; 22] = [
    "microsoft",
    "digicert",
    "apple",
    "amazon",
    "google trust services",
    "globalsign",
    "let's encrypt",
    "internet security research group",
    "sectigo",
    "comodo",
    "entrust",
    "godaddy",
    "starfield",
    "baltimore",
    "geotrust",
    "thawte",
    "symantec",
    "verisign",
    "identrust",
    "ssl.com",
    "quovadis",
    "certum",
];

/// Words that inspection products and the people who run them put into the names of their authorities.
const INSPECTION_WORDS: [&str; 36] = [
    "proxy",
    "inspect",
    "intercept",
    "decrypt",
    "filter",
    "firewall",
    "gateway",
    "forward trust",
    "untrusted",
    "mitm",
    "zscaler",
    "netskope",
    "fortinet",
    "fortigate",
    "palo alto",
    "bluecoat",
    "blue coat",
    "symantec web",
    "forcepoint",
    "websense",
    "mcafee",
    "skyhigh",
    "sophos",
    "barracuda",
    "check point",
    "cisco umbrella",
    "ironport",
    "sonicwall",
    "watchguard",
    "iboss",
    "smoothwall",
    "lightspeed",
    "securly",
    "contentkeeper",
    "kaspersky",
    "eset ssl",
];

/// The issuer of a certificate, where that is no authority known to issue for the endpoint list. Alone it proves nothing.
#[must_use]
pub fn unknown_issuer(certificate: &CertificateFact) -> Option<&str> {
    let organization = certificate
        .issuer_organization
        .as_deref()
        .unwrap_or_default()
        .to_lowercase();
    let known = is_known(&certificate.issuer.to_lowercase(), &organization);
    (!known && !certificate.issuer.is_empty()).then_some(&certificate.issuer)
}

/// Whether the issuer is an authority known to issue for the endpoint list.
#[must_use]
pub(crate) fn is_known_issuer(certificate: &CertificateFact) -> bool {
    unknown_issuer(certificate).is_none()
}

/// Whether the certificate is made out for `host` by an authority known to issue for the endpoint list.
#[must_use]
pub fn is_genuine(certificate: &CertificateFact, host: &HostName) -> bool {
    is_known_issuer(certificate)
        && inspection_sign(certificate, Some(host)).is_none()
        && !certificate.self_issued
        && names_host(certificate, host)
}

/// The word in an issuer's name by which it says that it inspects TLS.
#[must_use]
pub(crate) fn inspection_word(issuer: &str) -> Option<&'static str> {
    let issuer = issuer.to_lowercase();
    INSPECTION_WORDS
        .into_iter()
        .find(|word| issuer.contains(word))
}

/// Both in lower case.
fn is_known(issuer: &str, organization: &str) -> bool {
    PUBLIC_ISSUERS
        .iter()
        .any(|name| organization.contains(name))
        || issuer.contains("public")
}

/// Why a certificate gives TLS inspection away; `None` when it does not.
#[must_use]
pub fn inspection_sign(certificate: &CertificateFact, host: Option<&HostName>) -> Option<String> {
    let issuer = certificate.issuer.to_lowercase();
    let organization = certificate
        .issuer_organization
        .as_deref()
        .unwrap_or_default()
        .to_lowercase();
    let known = is_known(&issuer, &organization);
    if let Some(word) = INSPECTION_WORDS.iter().find(|word| issuer.contains(*word))
        && !(known && *word != "proxy" && *word != "inspect")
    {
        return Some(format!(
            "certificate issued by {}, an authority that inspects TLS",
            certificate.issuer
        ));
    }
    if known {
        return None;
    }
    if certificate.self_issued {
        return Some(format!("self-signed certificate of {}", certificate.issuer));
    }
    match host {
        Some(host) if !names_host(certificate, host) => Some(format!(
            "certificate of {}, issued for other hosts",
            certificate.issuer
        )),
        _ => None,
    }
}

/// Whether the certificate is made out for `host` (RFC 9525 §6.3). One whose names were not in the capture, or not all kept, may
/// be.
pub fn names_host(certificate: &CertificateFact, host: &HostName) -> bool {
    let host = host.folded();
    let mut names = certificate.names.iter().map(HostName::folded).peekable();
    names.peek().is_none()
        || certificate.names.len() >= CertificateFact::MAX_NAMES
        || names.any(|name| match name.strip_prefix("*.") {
            Some(parent) => host.split_once('.').is_some_and(|(_, rest)| rest == parent),
            None => name == host,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(organization: &str, common_name: &str, name: &str) -> CertificateFact {
        CertificateFact {
            issuer: format!("CN={common_name}, O={organization}").into(),
            issuer_organization: Some(organization.into()),
            issuer_common_name: Some(common_name.into()),
            names: HostName::from_wire(name.as_bytes()).into_iter().collect(),
            ..CertificateFact::default()
        }
    }

    fn sign(organization: &str, common_name: &str, name: &str) -> Option<String> {
        let host = HostName::from_wire(b"manage.microsoft.com").unwrap();
        inspection_sign(&certificate(organization, common_name, name), Some(&host))
    }

    #[test]
    fn an_authority_that_says_what_it_does_is_recognised() {
        assert!(sign("Contoso", "Contoso Web Proxy CA", "manage.microsoft.com").is_some());
        assert!(
            sign(
                "Zscaler Inc.",
                "Zscaler Intermediate Root CA",
                "manage.microsoft.com"
            )
            .is_some()
        );
    }

    #[test]
    fn public_authorities_are_not() {
        assert!(
            sign(
                "Microsoft Corporation",
                "Microsoft Azure RSA TLS Issuing CA 03",
                "manage.microsoft.com"
            )
            .is_none()
        );
        assert!(
            sign(
                "DigiCert Inc",
                "DigiCert SHA2 Secure Server CA",
                "*.microsoft.com"
            )
            .is_none()
        );
        assert!(
            sign(
                "Some Trust",
                "Some Public TLS CA 01",
                "manage.microsoft.com"
            )
            .is_none()
        );
    }

    #[test]
    fn a_certificate_for_another_host_is_a_sign_and_an_unknown_issuer_alone_is_not() {
        assert!(sign("Contoso", "Issuing CA 2", "block.contoso.example").is_some());
        assert!(sign("Contoso", "Issuing CA 2", "*.microsoft.com").is_none());
    }
}
