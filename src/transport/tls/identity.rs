//! Certificates and keys in the forms that people have, brought into the one that the library takes.

use pkcs8::der::asn1::AnyRef;
use pkcs8::der::pem::LineEnding;
use pkcs8::der::{Decode, Encode, SliceReader, Tag, Tagged};
use pkcs8::{
    AlgorithmIdentifierRef, EncryptedPrivateKeyInfoRef, ObjectIdentifier, PrivateKeyInfoRef,
    SecretDocument,
};
use sec1::EcPrivateKey;

use super::options::{IdentitySource, Source, TlsError, TlsItem};

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");

const UNKNOWN_FORM: &str = "it is no private key in PKCS#8, PKCS#1 or SEC1 form";

const EMPTY: &str = "it is empty";

pub(super) const NOT_A_PAIR: &str = "it does not belong to the client certificate";

const PEM_MARK: &[u8] = b"-----BEGIN ";

/// The certificates in a file or from memory, PEM or DER.
pub(super) fn certificates(
    source: &Source,
    item: TlsItem,
) -> Result<Vec<native_tls::Certificate>, TlsError> {
    blocks(source, item)?
        .iter()
        .map(|der| {
            native_tls::Certificate::from_der(der).map_err(|error| source.wrong(item, error))
        })
        .collect()
}

/// The DER of each certificate.
fn blocks(source: &Source, item: TlsItem) -> Result<Vec<Vec<u8>>, TlsError> {
    let bytes = source.read(item)?;
    if bytes.is_empty() {
        return Err(source.wrong(item, EMPTY));
    }
    if !is_pem(&bytes) {
        return Ok(vec![bytes]);
    }
    let blocks = pem::parse_many(&bytes).map_err(|error| source.wrong(item, error))?;
    let certificates: Vec<Vec<u8>> = blocks
        .into_iter()
        .filter(|block| matches!(block.tag(), "CERTIFICATE" | "TRUSTED CERTIFICATE"))
        .map(pem::Pem::into_contents)
        .collect();
    if certificates.is_empty() {
        return Err(source.wrong(item, "it is PEM, but has no CERTIFICATE block"));
    }
    Ok(certificates)
}

fn is_pem(bytes: &[u8]) -> bool {
    bytes.windows(PEM_MARK.len()).any(|window| window == PEM_MARK)
}

/// The client's identity, if there is one.
pub(super) fn identity(source: &IdentitySource) -> Result<Option<native_tls::Identity>, TlsError> {
    if let Some((container, password)) = &source.pkcs12 {
        return pkcs12(container, password).map(Some);
    }
    match (&source.certificate, &source.key) {
        (None, None) => Ok(None),
        (Some(_), None) => Err(TlsError::HalfIdentity { have: TlsItem::Certificate }),
        (None, Some(_)) => Err(TlsError::HalfIdentity { have: TlsItem::Key }),
        (Some(certificate), Some((key, password))) => {
            from_parts(certificate, key, password.as_deref()).map(Some)
        }
    }
}

fn pkcs12(source: &Source, password: &str) -> Result<native_tls::Identity, TlsError> {
    let item = TlsItem::Pkcs12;
    let bytes = source.read(item)?;
    if bytes.is_empty() {
        return Err(source.wrong(item, EMPTY));
    }
    native_tls::Identity::from_pkcs12(&bytes, password).map_err(|error| {
        let text = error.to_string();
        let advice = if text.contains("mac verify failure") {
            " (is the password right?)"
        } else if text.contains("unsupported") {
            " (it uses old encryption; write it anew with: openssl pkcs12 -legacy -in OLD -nodes \
             | openssl pkcs12 -export -out NEW)"
        } else {
            ""
        };
        source.wrong(item, format!("{text}{advice}"))
    })
}

fn from_parts(
    certificate: &Source,
    key: &Source,
    password: Option<&str>,
) -> Result<native_tls::Identity, TlsError> {
    let chain = blocks(certificate, TlsItem::Certificate)?;
    for der in &chain {
        native_tls::Certificate::from_der(der)
            .map_err(|error| certificate.wrong(TlsItem::Certificate, error))?;
    }
    let own = chain.first().cloned();
    let chain: Vec<pem::Pem> =
        chain.into_iter().map(|der| pem::Pem::new("CERTIFICATE", der)).collect();
    let chain = pem::encode_many(&chain);
    let bytes = key.read(TlsItem::Key)?;
    let pkcs8 = to_pkcs8(&bytes, password).map_err(|why| key.wrong(TlsItem::Key, why))?;
    check_pair(own.as_deref(), &pkcs8).map_err(|why| key.wrong(TlsItem::Key, why))?;
    let pkcs8 = pkcs8
        .to_pem("PRIVATE KEY", LineEnding::LF)
        .map_err(|error| key.wrong(TlsItem::Key, error))?;
    native_tls::Identity::from_pkcs8(chain.as_bytes(), pkcs8.as_bytes())
        .map_err(|error| key.wrong(TlsItem::Key, error))
}

/// The library compares key and certificate only if they are for the same algorithm, and otherwise
/// shows the server neither of them.
fn check_pair(certificate: Option<&[u8]>, key: &SecretDocument) -> Result<(), String> {
    let certified = certificate.and_then(|der| public_key_algorithm(der).ok());
    let key = PrivateKeyInfoRef::try_from(key.as_bytes()).ok().map(|key| key.algorithm.oid);
    match (certified, key) {
        (Some(certified), Some(key)) if certified != key => Err(NOT_A_PAIR.to_owned()),
        _ => Ok(()),
    }
}

/// The algorithm of the key that a certificate is for: RFC 5280, section 4.1.
fn public_key_algorithm(certificate: &[u8]) -> pkcs8::der::Result<ObjectIdentifier> {
    let certificate = AnyRef::from_der(certificate)?;
    let signed = AnyRef::decode(&mut SliceReader::new(certificate.value())?)?;
    let mut fields = SliceReader::new(signed.value())?;
    let mut field = AnyRef::decode(&mut fields)?;
    // The version is left out of a certificate of the first one.
    let before_key = if field.tag().is_context_specific() { 6 } else { 5 };
    for _ in 0..before_key {
        field = AnyRef::decode(&mut fields)?;
    }
    let algorithm = AnyRef::decode(&mut SliceReader::new(field.value())?)?;
    ObjectIdentifier::decode(&mut SliceReader::new(algorithm.value())?)
}

/// Any key as PKCS#8, unencrypted. The error says what is wrong with it.
fn to_pkcs8(bytes: &[u8], password: Option<&str>) -> Result<SecretDocument, String> {
    if bytes.is_empty() {
        return Err(EMPTY.to_owned());
    }
    if !is_pem(bytes) {
        return from_der(bytes, password);
    }
    let blocks = pem::parse_many(bytes).map_err(|error| error.to_string())?;
    let curve = blocks.iter().find(|block| block.tag() == "EC PARAMETERS");
    let curve = curve.and_then(|block| ObjectIdentifier::from_der(block.contents()).ok());
    let key = blocks
        .iter()
        .find(|block| block.tag().ends_with("PRIVATE KEY"))
        .ok_or("it is PEM, but has no PRIVATE KEY block")?;
    if key.headers().get("DEK-Info").is_some() {
        return Err("it is encrypted in the old PEM way; write it anew with: \
                    openssl pkcs8 -topk8 -in OLD -out NEW"
            .to_owned());
    }
    let der = key.contents();
    match key.tag() {
        "PRIVATE KEY" => plain(der),
        "ENCRYPTED PRIVATE KEY" => decrypt(der, password),
        "RSA PRIVATE KEY" => from_pkcs1(der),
        "EC PRIVATE KEY" => from_sec1(der, curve),
        tag => Err(format!("a {tag} is not supported; PKCS#8, PKCS#1 and SEC1 are")),
    }
}

/// Which of the formats it is shows in its structure.
fn from_der(der: &[u8], password: Option<&str>) -> Result<SecretDocument, String> {
    if PrivateKeyInfoRef::try_from(der).is_ok() {
        plain(der)
    } else if EncryptedPrivateKeyInfoRef::try_from(der).is_ok() {
        decrypt(der, password)
    } else if EcPrivateKey::from_der(der).is_ok() {
        from_sec1(der, None)
    } else {
        from_pkcs1(der)
    }
}

fn plain(der: &[u8]) -> Result<SecretDocument, String> {
    PrivateKeyInfoRef::try_from(der).map_err(|error| format!("it is not PKCS#8: {error}"))?;
    SecretDocument::try_from(der).map_err(|error| error.to_string())
}

fn decrypt(der: &[u8], password: Option<&str>) -> Result<SecretDocument, String> {
    let encrypted = EncryptedPrivateKeyInfoRef::try_from(der)
        .map_err(|error| format!("it is not encrypted PKCS#8: {error}"))?;
    let password = password.ok_or("it is encrypted, and no password was given")?;
    encrypted
        .decrypt(password)
        .map_err(|error| format!("it cannot be decrypted (is the password right?): {error}"))
}

fn from_pkcs1(der: &[u8]) -> Result<SecretDocument, String> {
    // RSAPrivateKey is a SEQUENCE of a version, which is the INTEGER 0 or 1, and more INTEGERs.
    let any = AnyRef::from_der(der).map_err(|_| UNKNOWN_FORM)?;
    let is_rsa =
        any.tag() == Tag::Sequence && matches!(any.value(), [0x02, 0x01, 0x00 | 0x01, 0x02, ..]);
    if !is_rsa {
        return Err(UNKNOWN_FORM.to_owned());
    }
    wrap(AlgorithmIdentifierRef { oid: RSA, parameters: Some(AnyRef::NULL) }, der)
}

fn from_sec1(der: &[u8], curve: Option<ObjectIdentifier>) -> Result<SecretDocument, String> {
    let key = EcPrivateKey::from_der(der).map_err(|error| format!("it is not SEC1: {error}"))?;
    let curve =
        key.parameters.and_then(sec1::EcParameters::named_curve).or(curve).ok_or(
            "it does not name its curve; write it anew with: openssl pkcs8 -topk8 -nocrypt",
        )?;
    wrap(AlgorithmIdentifierRef { oid: EC, parameters: Some((&curve).into()) }, der)
}

fn wrap(algorithm: AlgorithmIdentifierRef<'_>, key: &[u8]) -> Result<SecretDocument, String> {
    let key = pkcs8::der::asn1::OctetStringRef::new(key).map_err(|error| error.to_string())?;
    let der = PrivateKeyInfoRef::new(algorithm, key).to_der().map_err(|error| error.to_string())?;
    SecretDocument::try_from(der.as_slice()).map_err(|error| error.to_string())
}
