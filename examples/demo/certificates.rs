//! Certificates for a demonstration: an authority, a server and a client, made in memory.

use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509Name};

/// A certificate and its key.
pub(crate) struct Identity {
    certificate: X509,
    key: PKey<Private>,
}

impl Identity {
    /// The certificate, as PEM.
    pub(crate) fn certificate(&self) -> Vec<u8> {
        self.certificate.to_pem().expect("a certificate can be written")
    }

    /// The key, as PEM.
    pub(crate) fn key(&self) -> Vec<u8> {
        self.key.private_key_to_pem_pkcs8().expect("a key can be written")
    }
}

/// An authority that signs itself.
pub(crate) fn authority() -> Identity {
    make("authority", None).expect("OpenSSL makes a certificate")
}

/// A server on this machine, or a client, signed by the authority.
pub(crate) fn signed(name: &str, authority: &Identity) -> Identity {
    make(name, Some(authority)).expect("OpenSSL makes a certificate")
}

fn make(name: &str, authority: Option<&Identity>) -> Result<Identity, ErrorStack> {
    let curve = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
    let key = PKey::from_ec_key(EcKey::generate(&curve)?)?;
    let mut subject = X509Name::builder()?;
    subject.append_entry_by_nid(Nid::COMMONNAME, name)?;
    let subject = subject.build();
    let mut builder = X509::builder()?;
    builder.set_version(2)?;
    let mut serial = BigNum::new()?;
    serial.rand(128, openssl::bn::MsbOption::MAYBE_ZERO, false)?;
    let serial = serial.to_asn1_integer()?;
    builder.set_serial_number(&serial)?;
    builder.set_subject_name(&subject)?;
    let issuer = authority.map_or(subject.as_ref(), |other| other.certificate.subject_name());
    builder.set_issuer_name(issuer)?;
    let (begin, end) = (Asn1Time::days_from_now(0)?, Asn1Time::days_from_now(1)?);
    builder.set_not_before(&begin)?;
    builder.set_not_after(&end)?;
    builder.set_pubkey(&key)?;
    if authority.is_none() {
        builder.append_extension(BasicConstraints::new().critical().ca().build()?)?;
    } else {
        let context = builder.x509v3_context(None, None);
        let names = SubjectAlternativeName::new().dns("localhost").build(&context)?;
        builder.append_extension(names)?;
    }
    builder.sign(authority.map_or(&key, |other| &other.key), MessageDigest::sha256())?;
    Ok(Identity { certificate: builder.build(), key })
}
