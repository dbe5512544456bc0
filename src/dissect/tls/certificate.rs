//! The server's certificate as TLS 1.2 and earlier show it (RFC 5246 §7.4.2, RFC 5280).
//!
//! In: the body of a Certificate message. Out: who issued the first certificate, and for which names. Signatures, dates
//! and the rest of the chain are not looked at: this tells who answered, not whether to trust it.

use crate::facts::{CertificateFact, HostName, Seen, printable};
use compact_str::{CompactString, ToCompactString};
use x509_parser::certificate::X509CertificateParser;
use x509_parser::extensions::{GeneralName, SubjectAlternativeName};
use x509_parser::nom::Parser;
use x509_parser::objects::{oid_registry, oid2abbrev};
use x509_parser::oid_registry::OID_X509_EXT_SUBJECT_ALT_NAME;
use x509_parser::prelude::FromDer;
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

/// Characters kept of one attribute; RFC 5280 appendix A bounds the usual ones to 64.
const ATTRIBUTE_LIMIT: usize = 128;

/// Attributes shown of one distinguished name.
const ATTRIBUTES_LIMIT: usize = 16;

/// Tag number of BMPString (X.680 §8.4): UTF-16, big-endian.
const BMP_STRING: u32 = 30;

/// Reads the first certificate of a chain; `None` when it is cut or is none.
pub(super) fn read(message: &[u8], seen: Seen) -> Option<CertificateFact> {
    let der = first_certificate(message)?;
    // Extensions are parsed only where asked for: a malformed one must not hide the issuer.
    let (_, certificate) = X509CertificateParser::new()
        .with_deep_parse_extensions(false)
        .parse(der)
        .ok()?;
    let issuer = certificate.issuer();
    let subject = certificate.subject();
    let names = certificate
        .extensions()
        .iter()
        .find(|extension| extension.oid == OID_X509_EXT_SUBJECT_ALT_NAME)
        .and_then(|extension| SubjectAlternativeName::from_der(extension.value).ok())
        .map(|(_, names)| dns_names(&names))
        .unwrap_or_default();
    Some(CertificateFact {
        seen,
        issuer: distinguished_name(issuer),
        issuer_organization: issuer.iter_organization().next().map(attribute_text),
        issuer_common_name: issuer.iter_common_name().next().map(attribute_text),
        subject_common_name: subject.iter_common_name().next().map(attribute_text),
        names,
        self_issued: issuer.as_raw() == subject.as_raw(),
    })
}

/// The DER of the first certificate: behind the length of the list and its own, three octets each.
fn first_certificate(message: &[u8]) -> Option<&[u8]> {
    let list = message.get(3..)?;
    let [high, middle, low] = *list.first_chunk()?;
    let length = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
    list.get(3..)?.get(..length)
}

fn dns_names(names: &SubjectAlternativeName<'_>) -> Vec<HostName> {
    names
        .general_names
        .iter()
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => HostName::from_wire(name.as_bytes()),
            _ => None,
        })
        .take(CertificateFact::MAX_NAMES)
        .collect()
}

fn distinguished_name(name: &X509Name<'_>) -> CompactString {
    let mut text = CompactString::default();
    for attribute in name.iter_attributes().take(ATTRIBUTES_LIMIT) {
        if !text.is_empty() {
            text.push_str(", ");
        }
        match oid2abbrev(attribute.attr_type(), oid_registry()) {
            Ok(abbreviation) => text.push_str(abbreviation),
            Err(_) => text.push_str(&printable(
                attribute.attr_type().to_compact_string().as_bytes(),
                ATTRIBUTE_LIMIT,
            )),
        }
        text.push('=');
        text.push_str(&attribute_text(attribute));
    }
    text
}

fn attribute_text(attribute: &AttributeTypeAndValue<'_>) -> CompactString {
    let bytes = attribute.as_slice();
    if attribute.attr_value().tag().0 == BMP_STRING {
        let units = bytes.chunks_exact(2).map(|pair| {
            pair.iter()
                .fold(0, |unit, octet| unit << 8 | u16::from(*octet))
        });
        let text: String = char::decode_utf16(units)
            .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
            .take(ATTRIBUTE_LIMIT)
            .collect();
        return printable(text.as_bytes(), ATTRIBUTE_LIMIT);
    }
    printable(bytes, ATTRIBUTE_LIMIT)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A certificate made for this test: issuer `C=NL, O=Contoso B.V., CN=Contoso TLS Inspection CA`, subject
    /// `CN=manage.example.com`, alternative names `manage.example.com`, `*.manage.example.com` and 192.0.2.1.
    const DER: &str = "\
        308201e43082018aa003020102021419f764337a70fde18548032bacade9eb2c0ac470300a06082a8648ce3d040302304831\
        0b3009060355040613024e4c31153013060355040a0c0c436f6e746f736f20422e562e3122302006035504030c19436f6e74\
        6f736f20544c5320496e7370656374696f6e204341301e170d3236313132323133303030355a170d33363131313931333030\
        30355a301d311b301906035504030c126d616e6167652e6578616d706c652e636f6d3059301306072a8648ce3d020106082a\
        8648ce3d03010703420004764cb88c0f12ae8b4314f66a1a2d7473c894128fa87fd0afd8f1e6408bbe730cc7f90d39fca49f\
        66503f6342614d58acea3e7dedd0e89dcd5ad935e9a90abb7aa37d307b30390603551d110432303082126d616e6167652e65\
        78616d706c652e636f6d82142a2e6d616e6167652e6578616d706c652e636f6d8704c0000201301d0603551d0e0416041455\
        6061fd9216499033f9b12b3c29c41ea5fcf789301f0603551d2304183016801470803dbc743149c5430bab0bf83183a87b14\
        4daa300a06082a8648ce3d040302034800304502200b05d3f104e12f81bc61c81afa796342b826cc48c38bff745ed2cbe087\
        45ac6f022100b81ebd8734c9e3ead930406e96ce0d52da2869f4046165e0face5cfbccc8626a
    ";

    /// A Certificate message with that certificate, and a second one that is no certificate.
    pub(crate) fn message() -> Vec<u8> {
        let der = data_encoding::HEXLOWER
            .decode(DER.trim().as_bytes())
            .unwrap();
        let mut list = [&[0, 1, 0xe8], der.as_slice(), &[0, 0, 2, 0x30, 0]].concat();
        let length = u32::try_from(list.len()).unwrap().to_be_bytes();
        list.splice(0..0, length.into_iter().skip(1));
        list
    }

    #[test]
    fn tells_issuer_and_names() {
        let fact = read(&message(), Seen::default()).unwrap();
        assert_eq!(
            fact.issuer,
            "C=NL, O=Contoso B.V., CN=Contoso TLS Inspection CA"
        );
        assert_eq!(fact.issuer_organization.as_deref(), Some("Contoso B.V."));
        assert_eq!(
            fact.issuer_common_name.as_deref(),
            Some("Contoso TLS Inspection CA")
        );
        assert_eq!(
            fact.subject_common_name.as_deref(),
            Some("manage.example.com")
        );
        let names: Vec<&str> = fact.names.iter().map(HostName::as_str).collect();
        assert_eq!(names, ["manage.example.com", "*.manage.example.com"]);
        assert!(!fact.self_issued);
    }

    #[test]
    fn a_cut_certificate_is_none() {
        let message = message();
        for end in 0..6 + 488 {
            assert!(
                read(&message[..end], Seen::default()).is_none(),
                "cut at {end}"
            );
        }
        assert!(
            read(&message[..6 + 488], Seen::default()).is_some(),
            "the rest of the chain is not needed"
        );
    }

    #[test]
    fn a_broken_extension_does_not_hide_the_issuer() {
        let mut message = message();
        let name = message.windows(2).position(|w| w == [0x82, 0x12]).unwrap();
        message[name + 1] = 0x7f;
        let fact = read(&message, Seen::default()).unwrap();
        assert_eq!(
            fact.issuer_common_name.as_deref(),
            Some("Contoso TLS Inspection CA")
        );
        assert!(fact.names.is_empty());
    }

    proptest! {
        #[test]
        fn never_panics(flips in proptest::collection::vec((6_usize..494, any::<u8>()), 1..8)) {
            let mut message = message();
            for (at, value) in flips {
                message[at] = value;
            }
            let _ = read(&message, Seen::default());
        }
    }
}
