namespace nanoFramework.M2Mqtt
{
    /// <summary>A version of MQTT; the numbers are the protocol levels of CONNECT.</summary>
    public enum MqttProtocolVersion
    {
        /// <summary>MQTT 3.1.</summary>
        Version_3_1 = 3,

        /// <summary>MQTT 3.1.1, the default.</summary>
        Version_3_1_1 = 4,

        /// <summary>MQTT 5.0.</summary>
        Version_5 = 5
    }

    /// <summary>Which TLS a connection speaks.</summary>
    /// <remarks>
    /// Only <see cref="None"/>, <see cref="TLSv1_2"/> and <see cref="TLSv1_3"/> are accepted; the others are
    /// broken and give an <see cref="System.ArgumentException"/> at the constructor.
    /// </remarks>
    public enum MqttSslProtocols
    {
        /// <summary>No TLS; with a secure connection, the best version both sides know.</summary>
        None = 0,

        /// <summary>SSL 3.0; refused.</summary>
        SSLv3 = 1,

        /// <summary>TLS 1.0; refused.</summary>
        TLSv1_0 = 2,

        /// <summary>TLS 1.1; refused.</summary>
        TLSv1_1 = 3,

        /// <summary>TLS 1.2.</summary>
        TLSv1_2 = 4,

        /// <summary>TLS 1.3.</summary>
        TLSv1_3 = 5
    }
}

namespace nanoFramework.M2Mqtt.Messages
{
    /// <summary>Quality of service.</summary>
    public enum MqttQoSLevel
    {
        /// <summary>QoS 0: sent once, lost if the connection breaks.</summary>
        AtMostOnce = 0,

        /// <summary>QoS 1: sent until acknowledged, may arrive more than once.</summary>
        AtLeastOnce = 1,

        /// <summary>QoS 2: arrives exactly once while the session lives.</summary>
        ExactlyOnce = 2,

        /// <summary>In a SUBACK: the server refused this subscription.</summary>
        GrantedFailure = 0x80
    }

    /// <summary>Which retained messages a subscription brings at once (MQTT 5.0, section 3.8.3.1).</summary>
    public enum MqttRetainHandeling
    {
        /// <summary>All that match, at every subscription.</summary>
        AllTime = 0,

        /// <summary>All that match, if there was no such subscription before.</summary>
        SubscribeTimeOnly = 1,

        /// <summary>None.</summary>
        NoRetain = 2
    }

    /// <summary>The type of a packet: the upper four bits of its first byte.</summary>
    public enum MqttMessageType
    {
        /// <summary>CONNECT.</summary>
        Connect = 1,

        /// <summary>CONNACK.</summary>
        ConnectAck,

        /// <summary>PUBLISH.</summary>
        Publish,

        /// <summary>PUBACK.</summary>
        PublishAck,

        /// <summary>PUBREC.</summary>
        PublishReceived,

        /// <summary>PUBREL.</summary>
        PublishRelease,

        /// <summary>PUBCOMP.</summary>
        PublishComplete,

        /// <summary>SUBSCRIBE.</summary>
        Subscribe,

        /// <summary>SUBACK.</summary>
        SubscribeAck,

        /// <summary>UNSUBSCRIBE.</summary>
        Unsubscribe,

        /// <summary>UNSUBACK.</summary>
        UnsubscribeAck,

        /// <summary>PINGREQ.</summary>
        PingRequest,

        /// <summary>PINGRESP.</summary>
        PingResponse,

        /// <summary>DISCONNECT.</summary>
        Disconnect,

        /// <summary>AUTH, in MQTT 5.0.</summary>
        Authentication = 15
    }

    /// <summary>Which way a message goes.</summary>
    public enum MqttMsgFlow
    {
        /// <summary>From this client.</summary>
        ToPublish = 0,

        /// <summary>To this client, which acknowledges it.</summary>
        ToAcknowledge = 1
    }

    /// <summary>How far a message has come.</summary>
    public enum MqttMsgState
    {
        /// <summary>QoS 0, waits to be sent.</summary>
        QueuedQos0 = 0,

        /// <summary>QoS 1, waits to be sent.</summary>
        QueuedQos1,

        /// <summary>QoS 2, waits to be sent.</summary>
        QueuedQos2,

        /// <summary>Sent, PUBACK is awaited.</summary>
        WaitForPuback,

        /// <summary>Sent, PUBREC is awaited.</summary>
        WaitForPubrec,

        /// <summary>Received, PUBREL is awaited.</summary>
        WaitForPubrel,

        /// <summary>PUBREL was sent, PUBCOMP is awaited.</summary>
        WaitForPubcomp,

        /// <summary>PUBREC is to be sent.</summary>
        SendPubrec,

        /// <summary>PUBREL is to be sent.</summary>
        SendPubrel,

        /// <summary>PUBCOMP is to be sent.</summary>
        SendPubcomp,

        /// <summary>PUBACK is to be sent.</summary>
        SendPuback,

        /// <summary>SUBSCRIBE is to be sent.</summary>
        SendSubscribe,

        /// <summary>UNSUBSCRIBE is to be sent.</summary>
        SendUnsubscribe,

        /// <summary>SUBACK is awaited.</summary>
        WaitForSuback,

        /// <summary>UNSUBACK is awaited.</summary>
        WaitForUnsuback,

        /// <summary>AUTH is awaited.</summary>
        WaitForAuthentication
    }
}
