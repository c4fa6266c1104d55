namespace MqttLink
{
    /// <summary>Properties of MQTT 5.0 (section 2.2.2.2), and the type of each.</summary>
    public enum MqttPropertyId
    {
        /// <summary>The payload format indicator: a number, one byte.</summary>
        PayloadFormatIndicator = 1,

        /// <summary>The message expiry interval: a number, four bytes.</summary>
        MessageExpiryInterval = 2,

        /// <summary>The content type: a string.</summary>
        ContentType = 3,

        /// <summary>The response topic: a string.</summary>
        ResponseTopic = 8,

        /// <summary>The correlation data: binary data.</summary>
        CorrelationData = 9,

        /// <summary>The subscription identifier: a number up to 268,435,455.</summary>
        SubscriptionIdentifier = 11,

        /// <summary>The session expiry interval: a number, four bytes.</summary>
        SessionExpiryInterval = 17,

        /// <summary>The assigned client identifier: a string.</summary>
        AssignedClientIdentifier = 18,

        /// <summary>The server keep alive: a number, two bytes.</summary>
        ServerKeepAlive = 19,

        /// <summary>The authentication method: a string.</summary>
        AuthenticationMethod = 21,

        /// <summary>The authentication data: binary data.</summary>
        AuthenticationData = 22,

        /// <summary>The request problem information: a number, one byte.</summary>
        RequestProblemInformation = 23,

        /// <summary>The will delay interval: a number, four bytes.</summary>
        WillDelayInterval = 24,

        /// <summary>The request response information: a number, one byte.</summary>
        RequestResponseInformation = 25,

        /// <summary>The response information: a string.</summary>
        ResponseInformation = 26,

        /// <summary>The server reference: a string.</summary>
        ServerReference = 28,

        /// <summary>The reason string: a string.</summary>
        ReasonString = 31,

        /// <summary>The receive maximum: a number, two bytes.</summary>
        ReceiveMaximum = 33,

        /// <summary>The topic alias maximum: a number, two bytes.</summary>
        TopicAliasMaximum = 34,

        /// <summary>The topic alias: a number, two bytes.</summary>
        TopicAlias = 35,

        /// <summary>The maximum QoS: a number, one byte.</summary>
        MaximumQoS = 36,

        /// <summary>The retain available: a number, one byte.</summary>
        RetainAvailable = 37,

        /// <summary>The user property: a name and a value; may repeat.</summary>
        UserProperty = 38,

        /// <summary>The maximum packet size: a number, four bytes.</summary>
        MaximumPacketSize = 39,

        /// <summary>The wildcard subscription available: a number, one byte.</summary>
        WildcardSubscriptionAvailable = 40,

        /// <summary>The subscription identifier available: a number, one byte.</summary>
        SubscriptionIdentifierAvailable = 41,

        /// <summary>The shared subscription available: a number, one byte.</summary>
        SharedSubscriptionAvailable = 42,
    }
}
