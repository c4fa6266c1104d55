namespace MqttLink
{
    /// <summary>
    /// Reason codes of MQTT 5.0 (section 2.4). From 0x80 they mean failure. The return codes of CONNACK in
    /// MQTT 3.1 and 3.1.1 are reported as the code of the same meaning.
    /// </summary>
    public enum MqttReason
    {
        /// <summary>Success.</summary>
        Success = 0,

        /// <summary>Granted QoS 1.</summary>
        GrantedQoS1 = 1,

        /// <summary>Granted QoS 2.</summary>
        GrantedQoS2 = 2,

        /// <summary>Disconnect with will message.</summary>
        DisconnectWithWill = 4,

        /// <summary>No matching subscribers.</summary>
        NoMatchingSubscribers = 16,

        /// <summary>No subscription existed.</summary>
        NoSubscriptionExisted = 17,

        /// <summary>Continue authentication.</summary>
        ContinueAuthentication = 24,

        /// <summary>Re-authenticate.</summary>
        ReAuthenticate = 25,

        /// <summary>Unspecified error.</summary>
        UnspecifiedError = 128,

        /// <summary>Malformed packet.</summary>
        MalformedPacket = 129,

        /// <summary>Protocol error.</summary>
        ProtocolError = 130,

        /// <summary>Implementation specific error.</summary>
        ImplementationSpecificError = 131,

        /// <summary>Unsupported protocol version.</summary>
        UnsupportedProtocolVersion = 132,

        /// <summary>Client identifier not valid.</summary>
        ClientIdNotValid = 133,

        /// <summary>Bad user name or password.</summary>
        BadUserNameOrPassword = 134,

        /// <summary>Not authorized.</summary>
        NotAuthorized = 135,

        /// <summary>Server unavailable.</summary>
        ServerUnavailable = 136,

        /// <summary>Server busy.</summary>
        ServerBusy = 137,

        /// <summary>Banned.</summary>
        Banned = 138,

        /// <summary>Server shutting down.</summary>
        ServerShuttingDown = 139,

        /// <summary>Bad authentication method.</summary>
        BadAuthenticationMethod = 140,

        /// <summary>Keep alive timeout.</summary>
        KeepAliveTimeout = 141,

        /// <summary>Session taken over.</summary>
        SessionTakenOver = 142,

        /// <summary>Topic filter invalid.</summary>
        TopicFilterInvalid = 143,

        /// <summary>Topic name invalid.</summary>
        TopicNameInvalid = 144,

        /// <summary>Packet identifier in use.</summary>
        PacketIdInUse = 145,

        /// <summary>Packet identifier not found.</summary>
        PacketIdNotFound = 146,

        /// <summary>Receive maximum exceeded.</summary>
        ReceiveMaximumExceeded = 147,

        /// <summary>Topic alias invalid.</summary>
        TopicAliasInvalid = 148,

        /// <summary>Packet too large.</summary>
        PacketTooLarge = 149,

        /// <summary>Message rate too high.</summary>
        MessageRateTooHigh = 150,

        /// <summary>Quota exceeded.</summary>
        QuotaExceeded = 151,

        /// <summary>Administrative action.</summary>
        AdministrativeAction = 152,

        /// <summary>Payload format invalid.</summary>
        PayloadFormatInvalid = 153,

        /// <summary>Retain not supported.</summary>
        RetainNotSupported = 154,

        /// <summary>QoS not supported.</summary>
        QoSNotSupported = 155,

        /// <summary>Use another server.</summary>
        UseAnotherServer = 156,

        /// <summary>Server moved.</summary>
        ServerMoved = 157,

        /// <summary>Shared subscriptions not supported.</summary>
        SharedSubscriptionsNotSupported = 158,

        /// <summary>Connection rate exceeded.</summary>
        ConnectionRateExceeded = 159,

        /// <summary>Maximum connect time.</summary>
        MaximumConnectTime = 160,

        /// <summary>Subscription identifiers not supported.</summary>
        SubscriptionIdsNotSupported = 161,

        /// <summary>Wildcard subscriptions not supported.</summary>
        WildcardSubscriptionsNotSupported = 162,
    }
}
