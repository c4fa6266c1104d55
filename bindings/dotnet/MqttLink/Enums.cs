namespace MqttLink
{
    /// <summary>Where a client stands.</summary>
    public enum MqttClientState
    {
        /// <summary>There is no connection.</summary>
        Disconnected = 0,

        /// <summary>A connection is being made.</summary>
        Connecting = 1,

        /// <summary>The server has accepted the connection.</summary>
        Connected = 2,

        /// <summary>The connection is being ended.</summary>
        Disconnecting = 3,
    }

    /// <summary>Which way a packet went.</summary>
    public enum MqttDirection
    {
        /// <summary>From the server.</summary>
        Received = 0,

        /// <summary>To the server.</summary>
        Sent = 1,
    }

    /// <summary>Quality of service.</summary>
    public enum MqttQoS
    {
        /// <summary>QoS 0: sent once, lost if the connection breaks.</summary>
        AtMostOnce = 0,

        /// <summary>QoS 1: sent until acknowledged, may arrive more than once.</summary>
        AtLeastOnce = 1,

        /// <summary>QoS 2: arrives exactly once while the session lives.</summary>
        ExactlyOnce = 2,
    }

    /// <summary>Protocol versions, by the level in CONNECT.</summary>
    public enum MqttProtocol
    {
        /// <summary>MQTT 3.1.</summary>
        Mqtt31 = 3,

        /// <summary>MQTT 3.1.1.</summary>
        Mqtt311 = 4,

        /// <summary>MQTT 5.0.</summary>
        Mqtt50 = 5,
    }

    /// <summary>When messages of QoS 1 and 2 are acknowledged.</summary>
    public enum MqttAcknowledge
    {
        /// <summary>
        /// As soon as they are received. What has not been handled when the process dies is lost.
        /// </summary>
        OnReceipt = 0,

        /// <summary>
        /// When the handler has returned, or the message from MqttClient.Receive is disposed.
        /// </summary>
        WhenHandled = 1,

        /// <summary>By MqttMessage.Acknowledge or an MqttAcknowledger.</summary>
        Manually = 2,
    }

    /// <summary>Which retained messages a subscription brings at once.</summary>
    public enum MqttRetainHandling
    {
        /// <summary>All that match.</summary>
        Send = 0,

        /// <summary>All that match, unless there is such a subscription already.</summary>
        SendIfNew = 1,

        /// <summary>None.</summary>
        DoNotSend = 2,
    }

    /// <summary>Versions of TLS.</summary>
    public enum MqttTlsVersion
    {
        /// <summary>TLS 1.0, which is broken; for equipment that has nothing newer.</summary>
        Tls10 = 10,

        /// <summary>TLS 1.1, which is broken; for equipment that has nothing newer.</summary>
        Tls11 = 11,

        /// <summary>TLS 1.2.</summary>
        Tls12 = 12,

        /// <summary>TLS 1.3.</summary>
        Tls13 = 13,
    }

    /// <summary>How much the log says.</summary>
    public enum MqttLogLevel
    {
        /// <summary>Nothing.</summary>
        Off = 0,

        /// <summary>What makes no progress without somebody's help.</summary>
        Error = 1,

        /// <summary>Lost connections, failed attempts.</summary>
        Warning = 2,

        /// <summary>Connections that come and go.</summary>
        Info = 3,

        /// <summary>What the threads do.</summary>
        Debug = 4,

        /// <summary>Every packet, without payloads and passwords.</summary>
        Trace = 5,
    }
}
