//! TLS against OpenSSL's command line: versions, ALPN, SNI, new keys in mid-stream, the end.

use mqttlink::{Client, ErrorCode, Publish, QoS, Stage, TlsOptions, TlsVersion};

use crate::harness::{Pki, SServer, WATCHDOG, next, noise};

/// A PUBLISH of MQTT 5.0 with topic "a" and a payload.
fn publish(payload: &[u8]) -> Vec<u8> {
    let len = u8::try_from(payload.len() + 4).unwrap();
    assert!(len < 128);
    [&[0x30, len, 0, 1, b'a', 0], payload].concat()
}

fn trusting(pki: &Pki) -> TlsOptions {
    TlsOptions::new().ca_file(pki.file("ca.pem"))
}

fn connected(server: &mut SServer, tls: TlsOptions) -> Client {
    let client = server.builder().tls(tls).build().unwrap();
    let connecting = std::thread::spawn(move || client.connect().map(|_| client));
    server.accept();
    connecting.join().unwrap().unwrap()
}

/// Connects, goes through a message in each direction, leaves, and gives the server's report.
fn session(server: &mut SServer, tls: TlsOptions) -> String {
    let client = connected(server, tls);
    server.process.feed(&publish(b"down"));
    assert_eq!(next(&client).payload(), b"down");
    client.publish(Publish::new("up", "wards")).unwrap().wait().unwrap();
    server.process.out.wait_for("wards");
    client.disconnect().unwrap();
    server.report()
}

/// The names of ciphers tell the version: those of TLS 1.3 begin like this.
const NEW: &str = "CIPHER is TLS_";

/// A cipher of TLS 1.2.
const OLD: &str = "CIPHER is ECDHE-";

#[test]
fn both_sides_agree_on_a_version() {
    let pki = Pki::shared();
    let tls = |min, max| trusting(&pki).min_version(min).max_version(max);
    use TlsVersion::{V1_2, V1_3};
    for (arguments, tls, expected) in [
        (&["-tls1_2"][..], trusting(&pki), OLD),
        (&["-tls1_3"], trusting(&pki), NEW),
        (&[], trusting(&pki), NEW),
        (&[], tls(V1_2, V1_2), OLD),
        (&[], tls(V1_3, V1_3), NEW),
    ] {
        let report = session(&mut SServer::start(&pki, arguments), tls);
        assert!(report.contains(expected), "{report}");
    }
}

#[test]
fn no_common_version_is_told() {
    let pki = Pki::shared();
    for (arguments, tls) in [
        (["-tls1_2"], trusting(&pki).min_version(TlsVersion::V1_3)),
        (["-tls1_3"], trusting(&pki).max_version(TlsVersion::V1_2)),
    ] {
        let server = SServer::start(&pki, &arguments);
        let error = server.builder().tls(tls).connect().unwrap_err();
        assert_eq!((error.code(), error.stage()), (ErrorCode::TlsHandshake, Stage::Tls));
        assert!(error.to_string().contains("TlsOptions::min_version"), "{error}");
    }
}

#[test]
fn an_impossible_range_of_versions_is_told() {
    let tls = TlsOptions::new().min_version(TlsVersion::V1_3).max_version(TlsVersion::V1_2);
    let error = mqttlink::Client::builder("mqtts://localhost").tls(tls).build().unwrap_err();
    assert_eq!(error.code(), ErrorCode::TlsSetup);
    assert!(
        error.to_string().contains("TLS 1.3") && error.to_string().contains("TLS 1.2"),
        "{error}"
    );
}

#[test]
fn alpn_is_offered_in_order_and_a_server_without_it_says_so() {
    let pki = Pki::shared();
    let tls = || trusting(&pki).alpn("x-amzn-mqtt-ca").alpn("mqtt");
    let report = session(&mut SServer::start(&pki, &["-alpn", "h2,mqtt"]), tls());
    assert!(report.contains("advertised by the client: x-amzn-mqtt-ca, mqtt"), "{report}");
    assert!(report.contains("ALPN protocols selected: mqtt"), "{report}");
    let server = SServer::start(&pki, &["-alpn", "h2"]);
    let error = server.builder().tls(tls()).connect().unwrap_err();
    assert_eq!(error.code(), ErrorCode::TlsHandshake);
    assert!(error.to_string().contains("TlsOptions::alpn"), "{error}");
}

#[test]
fn the_name_is_told_to_the_server_unless_that_is_turned_off() {
    let pki = Pki::shared();
    let (certificate, key) = (pki.file("other.pem"), pki.file("other.key"));
    let arguments = ["-servername", "broker.example", "-cert2", &certificate, "-key2", &key];
    let told = "Hostname in TLS extension: \"";
    let report = session(&mut SServer::start(&pki, &arguments), trusting(&pki));
    assert!(report.contains(&format!("{told}localhost\"")), "{report}");
    // The server has a second certificate for this name.
    let named = trusting(&pki).server_name("broker.example");
    let report = session(&mut SServer::start(&pki, &arguments), named);
    assert!(report.contains(&format!("{told}broker.example\"")), "{report}");
    let report = session(&mut SServer::start(&pki, &arguments), trusting(&pki).sni(false));
    assert!(!report.contains(told), "{report}");
}

#[test]
fn a_client_certificate_is_shown_when_the_server_asks() {
    let pki = Pki::shared();
    let authority = pki.file("ca.pem");
    for version in ["-tls1_2", "-tls1_3"] {
        let arguments = ["-Verify", "2", "-verify_return_error", "-CAfile", &authority, version];
        let tls = || {
            let tls = trusting(&pki).certificate_file(pki.file("ec.pem"));
            tls.key_file(pki.file("ec.old.key"))
        };
        let report = session(&mut SServer::start(&pki, &arguments), tls());
        assert!(report.contains("subject=CN = ec"), "{report}");
        let server = SServer::start(&pki, &arguments);
        let error = server.builder().tls(trusting(&pki)).connect().unwrap_err();
        assert_eq!((error.code(), error.stage()), (ErrorCode::TlsHandshake, Stage::Tls), "{error}");
        assert!(error.to_string().contains("client certificate"), "{version}: {error}");
    }
}

/// The server changes its keys and asks the client to, while messages go both ways.
#[test]
fn new_keys_in_mid_stream() {
    let pki = Pki::shared();
    let mut server = SServer::start(&pki, &["-tls1_3"]);
    let client = connected(&mut server, trusting(&pki));
    let payload = noise(100_000);
    for round in 0..3_u8 {
        // Read by the server before the mark, which leaves the client later.
        server.process.feed(b"K\n");
        client.publish(Publish::new("up", &payload)).unwrap().wait().unwrap();
        let mark = format!("mark{round}");
        client.publish(Publish::new("up", &mark)).unwrap().wait().unwrap();
        server.process.out.wait_for(&mark);
        server.process.feed(&publish(&[round]));
        assert_eq!(next(&client).payload(), [round]);
    }
    client.abort();
}

/// The process is gone, and with it the connection: no close_notify, and no word of MQTT.
#[test]
fn a_server_that_vanishes_is_noticed() {
    let pki = Pki::shared();
    let mut server = SServer::start(&pki, &[]);
    let client = connected(&mut server, trusting(&pki));
    server.process.kill();
    let error = client.recv_timeout(WATCHDOG).unwrap_err();
    assert!(error.is_disconnected() && error.is_retryable(), "{error}");
    let late = client.publish(Publish::new("a", "b").qos(QoS::AtLeastOnce));
    assert!(late.unwrap_err().is_disconnected());
}
