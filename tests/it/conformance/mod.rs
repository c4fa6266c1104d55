//! One test for each normative statement, with its number in the name: `v5_3_1_2_20_…` tests
//! MQTT-3.1.2-20 of MQTT 5.0, `v311_…` the statement of MQTT 3.1.1.

mod acks;
mod alias;
mod auth;
mod connack;
mod connect;
mod connect_payload;
mod disconnect;
mod errors;
mod flow_control;
mod header;
mod limits;
mod mqtt31;
mod order;
mod packet_id;
mod ping;
mod publish;
mod qos1;
mod qos2;
mod server;
mod session;
mod subscribe;
mod table;
mod text;
mod topic;
mod unsubscribe;
