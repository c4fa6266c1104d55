namespace MqttLink
{
    /// <summary>
    /// What about a broker is a number. Limits bound what clients can make it hold; whatever is refused or
    /// dropped for one of them is counted in MqttBrokerStatistics.
    /// </summary>
    public enum MqttBrokerSetting
    {
        /// <summary>Connections at the same time; a further one is closed at once. Default: 10,000.</summary>
        Connections = 0,

        /// <summary>
        /// Sessions, connected ones included; a further client is refused with "quota exceeded". Default:
        /// 100,000.
        /// </summary>
        Sessions = 1,

        /// <summary>
        /// Subscriptions of one session; a further one is refused with "quota exceeded". Default: 1,000.
        /// </summary>
        SubscriptionsPerClient = 2,

        /// <summary>Subscriptions in all. Default: 1,000,000.</summary>
        Subscriptions = 3,

        /// <summary>Levels of a topic name or filter. Default: 200.</summary>
        TopicLevels = 4,

        /// <summary>Messages that wait for one client, beside those in flight. Default: 10,000.</summary>
        QueuedMessagesPerClient = 5,

        /// <summary>
        /// Bytes of messages that wait for one client; as many may be in flight to it beside them. Default:
        /// 16 MiB.
        /// </summary>
        QueuedBytesPerClient = 6,

        /// <summary>
        /// Bytes of messages that wait for all clients or are in flight to them. Default: 256 MiB.
        /// </summary>
        QueuedBytes = 7,

        /// <summary>
        /// What happens when one of these queues is full: an MqttOverflow. Default: DropNewest.
        /// </summary>
        Overflow = 8,

        /// <summary>Retained messages; a further one is not kept. Default: 100,000.</summary>
        RetainedMessages = 9,

        /// <summary>
        /// Bytes of retained messages, with about 250 for each level of their topics. Default: 128 MiB.
        /// </summary>
        RetainedBytes = 10,

        /// <summary>
        /// How many milliseconds a slow authentication may take before the client is refused with "server
        /// busy". Default: 30,000 ms.
        /// </summary>
        AuthenticationMs = 11,

        /// <summary>
        /// How many clients may wait for their authentication; a further one is refused with "server busy".
        /// Default: 1,000.
        /// </summary>
        Authentications = 12,

        /// <summary>
        /// How many milliseconds a connection that is being closed is given to take what is left for it.
        /// Default: 2,000 ms.
        /// </summary>
        ClosingMs = 13,

        /// <summary>
        /// What happens when a client comes above Sessions: an MqttSessionOverflow. Default: EvictOldestSession.
        /// </summary>
        SessionOverflow = 14,

        /// <summary>
        /// Filters of one SUBSCRIBE; those behind are refused with "quota exceeded". Default: 1,000.
        /// </summary>
        FiltersPerSubscribe = 15,

        /// <summary>
        /// Bytes of the filters and the will of one client, with about 250 for each level of a filter and 150 for each
        /// message of QoS 2 that the client has sent and not released. A further filter or will is refused with "quota
        /// exceeded"; for a further message the client is disconnected with it, and its session ends. Default: 8 MiB.
        /// </summary>
        HeldBytesPerClient = 16,

        /// <summary>
        /// The same of all clients, with the beginnings of packets whose rest has not come and with what waits for an
        /// authentication. A filter or will for which there is no room is refused with "quota exceeded", a client to be
        /// authenticated with "server busy"; a connection whose packet finds none is closed. Connections that are not
        /// accepted yet may take half of it. Default: 256 MiB.
        /// </summary>
        HeldBytes = 17,

        /// <summary>
        /// How many milliseconds CONNECT may take, and each answer in an authentication exchange. Default:
        /// 10,000 ms.
        /// </summary>
        ConnectTimeoutMs = 100,

        /// <summary>
        /// The largest packet that is taken, in bytes, fixed header included. Default: 2,000,000.
        /// </summary>
        MaximumPacketSize = 101,

        /// <summary>
        /// How many messages of QoS 1 and 2 a client may have in flight, 1 to 65,535. MQTT 5.0 only. Default:
        /// 1,024.
        /// </summary>
        ReceiveMaximum = 102,

        /// <summary>
        /// How many topic aliases a client may use, at most 65,535. MQTT 5.0 only. Default: 64.
        /// </summary>
        TopicAliasMaximum = 103,

        /// <summary>
        /// How many topic aliases the broker uses, if the client takes that many. Default: 64.
        /// </summary>
        TopicAliases = 104,

        /// <summary>
        /// The longest keep alive in seconds, at most 65,535; a client that asks for more is told this one in
        /// MQTT 5.0. 0: whatever the client asks for. Default: 0.
        /// </summary>
        KeepAliveMaxS = 105,

        /// <summary>
        /// The longest session expiry in seconds; 4,294,967,295 is for ever. Default: for ever.
        /// </summary>
        SessionExpiryMaxS = 106,

        /// <summary>The highest QoS at which messages are taken. Default: 2.</summary>
        MaximumQoS = 107,

        /// <summary>Whether retained messages are kept, 0 or 1. Default: 1.</summary>
        RetainAvailable = 108,

        /// <summary>Whether filters may contain wildcards, 0 or 1. Default: 1.</summary>
        WildcardAvailable = 109,

        /// <summary>Whether subscriptions may have an identifier, 0 or 1. Default: 1.</summary>
        SubscriptionIdAvailable = 110,

        /// <summary>Whether shared subscriptions are offered, 0 or 1. Default: 1.</summary>
        SharedAvailable = 111,

        /// <summary>
        /// How many messages of QoS 1 and 2 are sent to a client that has not acknowledged them, 1 to 65,535,
        /// if it takes that many. Default: 1,024.
        /// </summary>
        Window = 112,

        /// <summary>
        /// Whether every client from every machine is taken although nobody asks who it is, 0 or 1. Default:
        /// 0.
        /// </summary>
        AllowAnonymous = 200,

        /// <summary>
        /// How many authentications go on at the same time, each on a thread; 1 or more. Default: 2.
        /// </summary>
        AuthenticationThreads = 201,

        /// <summary>
        /// Whether a client of MQTT 3 that publishes what it may not is disconnected, 0 or 1; otherwise its
        /// message is acknowledged and dropped. Default: 0.
        /// </summary>
        DisconnectOnRefusedPublish = 202,

        /// <summary>
        /// How often `$SYS` is published while somebody is subscribed to it, in milliseconds; 0 turns it off.
        /// Default: 10,000 ms.
        /// </summary>
        SysIntervalMs = 203,

        /// <summary>
        /// From what the client identifiers are made that the broker chooses, so that a test has the same
        /// ones every time, which others can guess. Default: none, and the system's random numbers are used;
        /// 1 for tests.
        /// </summary>
        Seed = 204,
    }
}
