namespace nanoFramework.M2Mqtt.Messages
{
    /// <summary>What the other side said: reason codes of MQTT 5.0 (section 2.4), from 0x80 on failures, and the
    /// return codes of CONNACK before.</summary>
    /// <remarks>The numbers 0, 1, 2 and 4 have several names, so that <c>ToString()</c> of a refusal before MQTT
    /// 5.0 can print another one. Compare with the names instead of printing them.</remarks>
    public enum MqttReasonCode
    {
        /// <summary>Success, or whatever was asked for was done.</summary>
        Success = 0,

        /// <summary>DISCONNECT: the connection is closed, and the will is not published.</summary>
        NormalDisconnection = 0,

        /// <summary>SUBACK: granted with QoS 0.</summary>
        GrantedQoS0 = 0,

        /// <summary>SUBACK: granted with QoS 1.</summary>
        GrantedQoS1 = 1,

        /// <summary>SUBACK: granted with QoS 2.</summary>
        GrantedQoS2 = 2,

        /// <summary>CONNACK of MQTT 3.1 and 3.1.1: the server does not speak this version.</summary>
        ConnectionRefusedUnacceptableProtocolVersion = 1,

        /// <summary>CONNACK of MQTT 3.1 and 3.1.1: the client identifier is not allowed.</summary>
        ConnectionRefusedIdentifierRejected = 2,

        /// <summary>CONNACK of MQTT 3.1 and 3.1.1: the server is not available.</summary>
        ConnectionRefusedServerUnavailable = 3,

        /// <summary>CONNACK of MQTT 3.1 and 3.1.1: the user name or password is wrong.</summary>
        ConnectionRefusedBadUserNameOrPassword = 4,

        /// <summary>CONNACK of MQTT 3.1 and 3.1.1: the client may not connect.</summary>
        ConnectionRefusedNotAuthorized = 5,

        /// <summary>DISCONNECT: the server is to publish the will.</summary>
        DisconnectWithWillMessage = 4,

        /// <summary>The message was accepted, but nobody subscribes to it.</summary>
        NoMatchingSubscribers = 0x10,

        /// <summary>UNSUBACK: there was no such subscription.</summary>
        NoSubscriptionExisted = 0x11,

        /// <summary>AUTH: the exchange goes on.</summary>
        ContinueAuthentication = 0x18,

        /// <summary>AUTH: a new exchange begins.</summary>
        ReAuthenticate = 0x19,

        /// <summary>An error that the other side does not want to explain.</summary>
        UnspecifiedError = 0x80,

        /// <summary>A packet could not be read.</summary>
        MalformedPacket = 0x81,

        /// <summary>A packet was not allowed at this moment.</summary>
        ProtocolError = 0x82,

        /// <summary>The packet is right, but the receiver does not accept it.</summary>
        ImplementationSpecificError = 0x83,

        /// <summary>The server does not speak this version.</summary>
        UnsupportedProtocolVersion = 0x84,

        /// <summary>The client identifier is not allowed.</summary>
        ClientIdentifierNotValid = 0x85,

        /// <summary>The user name or password is wrong.</summary>
        BadUserNameOrPassword = 0x86,

        /// <summary>The client may not do this.</summary>
        NotAuthorized = 0x87,

        /// <summary>The server is not available.</summary>
        ServerUnavailable = 0x88,

        /// <summary>The server is busy; try later.</summary>
        ServerBusy = 0x89,

        /// <summary>The client has been banned.</summary>
        Banned = 0x8A,

        /// <summary>The server shuts down.</summary>
        ServeShuttingDown = 0x8B,

        /// <summary>The server shuts down: <see cref="ServeShuttingDown"/>, well spelled.</summary>
        ServerShuttingDown = 0x8B,

        /// <summary>The authentication method is not supported, or is not that of the connection.</summary>
        BadAuthenticationMethod = 0x8C,

        /// <summary>Nothing came for one and a half times the keep alive.</summary>
        KeepAliveTimeout = 0x8D,

        /// <summary>Another connection has the same client identifier.</summary>
        SessionTakenOver = 0x8E,

        /// <summary>The topic filter is well formed but not accepted.</summary>
        TopicFilterInvalid = 0x8F,

        /// <summary>The topic name is well formed but not accepted.</summary>
        TopicNameInvalid = 0x90,

        /// <summary>The packet identifier is in use already.</summary>
        PacketIdentifierInUse = 0x91,

        /// <summary>The packet identifier is not known.</summary>
        PacketIdentifierNotFound = 0x92,

        /// <summary>More messages are in flight than the receive maximum allows.</summary>
        ReceiveMaximumExceeded = 0x93,

        /// <summary>The topic alias is 0 or too large.</summary>
        TopicAliasInvalid = 0x94,

        /// <summary>The packet is larger than the maximum packet size.</summary>
        PacketTooLarge = 0x95,

        /// <summary>Too many messages in this time.</summary>
        MessageRateTooHigh = 0x96,

        /// <summary>A limit of the server was reached.</summary>
        QuotaExceeded = 0x97,

        /// <summary>An administrator ended the connection.</summary>
        AdministrativeAction = 0x98,

        /// <summary>The payload is not of the format that was announced.</summary>
        PayloadFormatInvalid = 0x99,

        /// <summary>The server keeps no retained messages.</summary>
        RetainNotSupported = 0x9A,

        /// <summary>The server does not take this QoS.</summary>
        QoSNotSupported = 0x9B,

        /// <summary>Use another server for the moment.</summary>
        UseAnotherServer = 0x9C,

        /// <summary>Use another server from now on.</summary>
        ServerMoved = 0x9D,

        /// <summary>The server has no shared subscriptions.</summary>
        SharedSubscriptionsNotSupported = 0x9E,

        /// <summary>Too many connections in this time.</summary>
        ConnectionRateExceeded = 0x9F,

        /// <summary>The connection has lasted as long as it may.</summary>
        MaximumConnectTime = 0xA0,

        /// <summary>The server has no subscription identifiers.</summary>
        SubscriptionIdentifiersNotSupported = 0xA1,

        /// <summary>The server has no wildcard subscriptions.</summary>
        WildcardSubscriptionsNotSupported = 0xA2
    }
}
