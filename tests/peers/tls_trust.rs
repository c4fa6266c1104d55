//! TLS: whom the client believes, and what it says when it does not.

use std::sync::Arc;

use mqttlink::{Client, Error, ErrorCode, Publish, QoS, Stage, TlsOptions, Version};

use crate::harness::{
    Pki, Server, Settings, VERSIONS, Which, next, noise, on_each_server, with_limits,
};

on_each_server! {
    each_qos_in_each_version_over_tls
    megabytes_go_both_ways_at_once_over_tls
    an_authority_comes_by_path_or_from_memory_in_pem_or_der
    an_unknown_authority_is_refused
    a_certificate_for_another_name_is_refused
    the_server_name_is_apart_from_the_address
    an_expired_certificate_is_refused
    the_dangerous_switches_do_what_they_say_and_no_more
    every_reconnect_verifies_anew
    the_programs_own_verifier_decides
    a_tls_client_at_a_plain_port_is_told_so
    a_plain_client_at_a_tls_port_is_told_so
}

fn trusting(pki: &Pki) -> TlsOptions {
    TlsOptions::new().ca_file(pki.file("ca.pem"))
}

fn connect(broker: &Server, tls: TlsOptions) -> Result<Client, Error> {
    broker.secure_builder().tls(tls).connect().map(|(client, _)| client)
}

/// The handshake fails, the text tells what is wrong and what to do, and it fails again.
#[track_caller]
fn refuses(broker: &Server, tls: TlsOptions, wrong: &str, advice: &str) {
    let client = broker.secure_builder().tls(tls).build().unwrap();
    for _ in 0..2 {
        let error = client.connect().unwrap_err();
        assert_eq!((error.code(), error.stage()), (ErrorCode::TlsHandshake, Stage::Tls));
        let text = error.to_string();
        assert!(text.contains(wrong) && text.contains(advice), "{text}");
        assert!(text.contains("localhost"), "names the server: {text}");
        assert!(!error.is_retryable(), "trying again changes nothing: {text}");
    }
}

fn each_qos_in_each_version_over_tls(which: Which) {
    let pki = Pki::shared();
    let broker = which.with(&Settings::secure(&pki, "right"));
    let payload = noise(300_000);
    for version in VERSIONS {
        let builder = broker.secure_builder().tls(trusting(&pki)).version(version);
        let (client, _) = builder.connect().unwrap();
        for qos in crate::harness::QUALITIES {
            client.subscribe(("t", qos)).unwrap().all().unwrap();
            client.publish(Publish::new("t", &payload).qos(qos)).unwrap().wait().unwrap();
            let message = next(&client);
            assert_eq!(message.qos(), qos);
            assert!(message.payload() == payload);
        }
        assert!(client.disconnect().unwrap().is_complete());
    }
}

fn megabytes_go_both_ways_at_once_over_tls(which: Which) {
    let pki = Pki::shared();
    let broker = which.with(&Settings::secure(&pki, "right"));
    let client = connect(&broker, trusting(&pki)).unwrap();
    client.subscribe(("large", QoS::AtLeastOnce)).unwrap().all().unwrap();
    let payload = noise(2_000_000);
    let sender = client.clone();
    let copy = payload.clone();
    let sending = std::thread::spawn(move || {
        let publish =
            |_| sender.publish(Publish::new("large", &copy).qos(QoS::AtLeastOnce)).unwrap();
        let deliveries: Vec<_> = (0..10).map(publish).collect();
        deliveries.iter().for_each(|delivery| drop(delivery.wait().unwrap()));
    });
    for _ in 0..10 {
        assert!(next(&client).payload() == payload);
    }
    sending.join().unwrap();
    assert!(client.disconnect().unwrap().is_complete());
}

fn an_authority_comes_by_path_or_from_memory_in_pem_or_der(which: Which) {
    let pki = Pki::shared();
    let broker = which.with(&Settings::secure(&pki, "right"));
    let bundle = [b"a remark\n".to_vec(), pki.bytes("stranger.pem"), pki.bytes("ca.pem")].concat();
    for tls in [
        TlsOptions::new().ca_file(pki.file("ca.pem")),
        TlsOptions::new().ca_file(pki.file("ca.der")),
        TlsOptions::new().ca(pki.bytes("ca.pem")),
        TlsOptions::new().ca(pki.bytes("ca.der")),
        TlsOptions::new().ca(bundle),
        TlsOptions::new().ca_file(pki.file("stranger.pem")).ca_file(pki.file("ca.pem")),
        TlsOptions::new().ca_file(pki.file("ca.pem")).system_roots(false),
    ] {
        connect(&broker, tls).unwrap().disconnect().unwrap();
    }
}

fn an_unknown_authority_is_refused(which: Which) {
    let pki = Pki::shared();
    let broker = which.with(&Settings::secure(&pki, "right"));
    let advice = "add its certificate with TlsOptions::ca_file";
    let wrong = "unable to get local issuer certificate";
    refuses(&broker, TlsOptions::new(), wrong, advice);
    refuses(&broker, TlsOptions::new().system_roots(false), wrong, advice);
    refuses(&broker, TlsOptions::new().ca_file(pki.file("stranger.pem")), wrong, advice);
}

fn a_certificate_for_another_name_is_refused(which: Which) {
    let pki = Pki::shared();
    let broker = which.with(&Settings::secure(&pki, "other"));
    refuses(&broker, trusting(&pki), "hostname mismatch", "or set the server name");
    // By address, too.
    let url = format!("mqtts://127.0.0.1:{}", broker.port);
    let client = with_limits(Client::builder(&url)).tls(trusting(&pki)).build().unwrap();
    let error = client.connect().unwrap_err();
    assert_eq!(error.code(), ErrorCode::TlsHandshake);
    assert!(error.to_string().contains("or set the server name"), "{error}");
}

fn the_server_name_is_apart_from_the_address(which: Which) {
    let pki = Pki::shared();
    let broker = which.with(&Settings::secure(&pki, "other"));
    for name in ["broker.example", "a.wild.example"] {
        let client = connect(&broker, trusting(&pki).server_name(name)).unwrap();
        client.disconnect().unwrap();
    }
    for name in ["example", "a.b.wild.example", "localhost"] {
        let error = connect(&broker, trusting(&pki).server_name(name)).unwrap_err();
        assert!(error.to_string().contains("hostname mismatch"), "{error}");
    }
    // The certificate names the address itself.
    let broker = which.with(&Settings::secure(&pki, "right"));
    let url = format!("mqtts://127.0.0.1:{}", broker.port);
    let (client, _) = with_limits(Client::builder(&url)).tls(trusting(&pki)).connect().unwrap();
    client.disconnect().unwrap();
}

fn an_expired_certificate_is_refused(which: Which) {
    let pki = Pki::shared();
    let broker = which.with(&Settings::secure(&pki, "expired"));
    refuses(&broker, trusting(&pki), "certificate has expired", "renew the server's certificate");
}

fn the_dangerous_switches_do_what_they_say_and_no_more(which: Which) {
    let pki = Pki::shared();
    let broker = which.with(&Settings::secure(&pki, "other"));
    let any_name = || TlsOptions::new().danger_accept_invalid_host_names(true);
    connect(&broker, any_name().ca_file(pki.file("ca.pem"))).unwrap();
    refuses(&broker, any_name(), "unable to get local issuer", "add its certificate");
    let broker = which.with(&Settings::secure(&pki, "expired"));
    connect(&broker, TlsOptions::new().danger_accept_invalid_certificates(true)).unwrap();
    refuses(&broker, any_name().ca_file(pki.file("ca.pem")), "expired", "renew");
}

fn every_reconnect_verifies_anew(which: Which) {
    let pki = Pki::shared();
    let mut broker = which.with(&Settings::secure(&pki, "right"));
    let client = connect(&broker, trusting(&pki)).unwrap();
    broker.peer.stop();
    assert!(client.recv_timeout(crate::harness::WATCHDOG).unwrap_err().is_disconnected());
    broker.peer.reconfigure(&Settings::secure(&pki, "expired"));
    for _ in 0..2 {
        assert_eq!(client.reconnect().unwrap_err().code(), ErrorCode::TlsHandshake);
    }
}

/// An authority that cannot be used is an error, at each attempt, and never means the system's.
#[test]
fn a_wrong_authority_is_named() {
    let pki: Arc<Pki> = Pki::shared();
    let garbage = b"not a certificate".to_vec();
    let cut = pki.bytes("ca.pem")[..200].to_vec();
    let key = pki.bytes("ca.key");
    let path = pki.file("missing.pem");
    for (tls, expected) in [
        (TlsOptions::new().ca_file(&path), format!("cannot be read from {path}")),
        (TlsOptions::new().ca(""), "from memory cannot be used: it is empty".to_owned()),
        (TlsOptions::new().ca(garbage), "CA certificate from memory cannot be used".to_owned()),
        (TlsOptions::new().ca(cut), "CA certificate from memory cannot be used".to_owned()),
        (TlsOptions::new().ca(key), "has no CERTIFICATE block".to_owned()),
        (trusting(&pki).ca(""), "it is empty".to_owned()),
    ] {
        for _ in 0..2 {
            let built = Client::builder("mqtts://localhost").tls(tls.clone()).build();
            let error = built.unwrap_err();
            assert_eq!((error.code(), error.stage()), (ErrorCode::TlsAuthority, Stage::Tls));
            assert!(error.to_string().contains(&expected), "{error}");
        }
    }
}

fn a_tls_client_at_a_plain_port_is_told_so(which: Which) {
    let pki = Pki::shared();
    let broker = which.start();
    let error = connect(&broker, trusting(&pki)).unwrap_err();
    assert_eq!(error.code(), ErrorCode::ConnectionLost);
    assert!(error.to_string().contains("plain MQTT port"), "{error}");
    assert!(error.is_retryable(), "a server that is being restarted looks the same");
}

fn a_plain_client_at_a_tls_port_is_told_so(which: Which) {
    let pki = Pki::shared();
    let broker = which.with(&Settings::secure(&pki, "right"));
    for version in [Version::V3_1_1, Version::V5] {
        let error = broker.builder().version(version).connect().unwrap_err();
        assert!(error.to_string().contains("TLS"), "{:?} {error}", error.code());
    }
}

fn the_programs_own_verifier_decides(which: Which) {
    let pki = Pki::shared();
    let broker = which.with(&Settings::secure(&pki, "other"));
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let verifier = |answer: bool| {
        let seen = Arc::clone(&seen);
        TlsOptions::new().verifier(move |host, certificate| {
            seen.lock().unwrap().push((host.to_owned(), certificate.to_vec()));
            answer
        })
    };
    connect(&broker, verifier(true)).unwrap();
    let error = connect(&broker, verifier(false)).unwrap_err();
    assert_eq!(error.code(), ErrorCode::TlsHandshake);
    assert!(error.to_string().contains("verifier"), "{error}");
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 2);
    assert!(seen.iter().all(|(host, der)| host == "localhost" && der.starts_with(&[0x30])));
}
