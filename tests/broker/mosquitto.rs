//! mosquitto's programs against the broker; skipped where they are not installed.

use std::process::{Command, Stdio};
use std::time::Duration;

use mqttlink::broker::Broker;

fn is_installed() -> bool {
    let version = Command::new("mosquitto_pub").arg("--help").stdout(Stdio::null()).status();
    if version.is_err() {
        eprintln!("mosquitto_pub is not installed: nothing is tested");
    }
    version.is_ok()
}

#[test]
fn v311_7_0_0_2_mosquitto_pub_and_sub_speak_with_it_in_every_version() {
    if !is_installed() {
        return;
    }
    let broker = Broker::builder().listen("127.0.0.1:0").start().unwrap();
    let port = broker.address().unwrap().port().to_string();
    for version in ["mqttv31", "mqttv311", "mqttv5"] {
        for qos in ["0", "1", "2"] {
            let id = format!("sub-{version}-{qos}");
            let sub = Command::new("mosquitto_sub")
                .args(["-p", &port, "-V", version, "-q", qos, "-i", &id])
                .args(["-t", "greeting/+", "-C", "3", "-v", "-W", "60"])
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            broker
                .wait_until(Duration::from_secs(60), move |core| {
                    core.subscriptions_of(&id).next().is_some()
                })
                .unwrap();
            for publisher in ["mqttv31", "mqttv311", "mqttv5"] {
                let status = Command::new("mosquitto_pub")
                    .args(["-p", &port, "-V", publisher, "-q", qos, "-i", "pub"])
                    .args(["-t", &format!("greeting/{publisher}"), "-m", "hello"])
                    .status()
                    .unwrap();
                assert!(status.success());
            }
            let output = sub.wait_with_output().unwrap();
            let text = String::from_utf8(output.stdout).unwrap();
            let expected =
                "greeting/mqttv31 hello\ngreeting/mqttv311 hello\ngreeting/mqttv5 hello\n";
            assert_eq!(text, expected, "{version} at QoS {qos}");
        }
    }
}

#[test]
fn mosquitto_rr_gets_its_answer() {
    if !is_installed() {
        return;
    }
    let broker = Broker::builder().listen("127.0.0.1:0").start().unwrap();
    let port = broker.address().unwrap().port().to_string();
    let requests = broker.subscribe("question").unwrap();
    let rr = Command::new("mosquitto_rr")
        .args([
            "-p", &port, "-V", "mqttv5", "-t", "question", "-e", "answer", "-m", "?", "-W", "60",
        ])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let request = requests.recv(Duration::from_secs(60)).unwrap();
    let topic = request.properties().text(mqttlink::PropertyId::ResponseTopic).unwrap().to_owned();
    broker.publish(&mqttlink::Publish::new(&topic, "42")).unwrap();
    assert_eq!(rr.wait_with_output().unwrap().stdout, b"42\n");
}

#[test]
fn mosquitto_sub_sees_the_sys_topics_it_knows() {
    if !is_installed() {
        return;
    }
    let broker = Broker::builder().listen("127.0.0.1:0").start().unwrap();
    let port = broker.address().unwrap().port().to_string();
    let output = Command::new("mosquitto_sub")
        .args(["-p", &port, "-t", "$SYS/broker/clients/connected", "-C", "1", "-W", "60"])
        .output()
        .unwrap();
    assert_eq!(output.stdout, b"1\n");
}
