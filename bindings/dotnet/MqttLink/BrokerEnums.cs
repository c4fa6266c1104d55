namespace MqttLink
{
    /// <summary>What happens to a new client when there are as many sessions as may be.</summary>
    public enum MqttSessionOverflow
    {
        /// <summary>
        /// The session whose client has been away for longest ends, as if it had expired. While all clients are
        /// connected, the new one is refused.
        /// </summary>
        EvictOldestSession = 0,

        /// <summary>The new client is refused with "quota exceeded".</summary>
        RefuseSession = 1,
    }

    /// <summary>What happens to a message for a client whose queue is full.</summary>
    public enum MqttOverflow
    {
        /// <summary>The new message is dropped.</summary>
        DropNewest = 0,

        /// <summary>The message that has waited longest is dropped.</summary>
        DropOldest = 1,

        /// <summary>
        /// The client is disconnected with "quota exceeded", and the new message is dropped.
        /// </summary>
        DisconnectClient = 2,
    }

    /// <summary>What a client wants to do.</summary>
    public enum MqttAction
    {
        /// <summary>To publish, also as its will: topic, QoS and retain are those of the message.</summary>
        Publish = 0,

        /// <summary>To subscribe: the topic is the filter, the QoS the one asked for.</summary>
        Subscribe = 1,

        /// <summary>To be given a message that matches one of its subscriptions.</summary>
        Deliver = 2,
    }

    /// <summary>What happened in a broker.</summary>
    public enum MqttBrokerEventKind
    {
        /// <summary>A client was accepted.</summary>
        Connected = 0,

        /// <summary>A client is gone: cause is a MqttDisconnectCause.</summary>
        Disconnected = 1,

        /// <summary>A client wanted to connect and was refused, with reason.</summary>
        Refused = 2,

        /// <summary>A client has subscribed to the filter topic, and was granted qos.</summary>
        Subscribed = 3,

        /// <summary>A client has unsubscribed from the filter topic.</summary>
        Unsubscribed = 4,

        /// <summary>A message to topic did not reach a client: cause is a MqttDropCause.</summary>
        Dropped = 5,

        /// <summary>A session has ended: it expired, or a clean start replaced it.</summary>
        SessionEnded = 6,
    }

    /// <summary>Why a client is gone.</summary>
    public enum MqttDisconnectCause
    {
        /// <summary>It said goodbye, with reason.</summary>
        Goodbye = 0,

        /// <summary>The connection was closed or lost without a goodbye.</summary>
        Lost = 1,

        /// <summary>
        /// It broke the protocol, or was silent for too long: text says how, reason what it was told.
        /// </summary>
        Failed = 2,

        /// <summary>Another connection with its client identifier took its place.</summary>
        TakenOver = 3,

        /// <summary>The broker closed the connection, with reason.</summary>
        Closed = 4,
    }

    /// <summary>Why a message did not reach a client.</summary>
    public enum MqttDropCause
    {
        /// <summary>The client's queue was full.</summary>
        QueueFull = 0,

        /// <summary>All queues together were full.</summary>
        TotalFull = 1,

        /// <summary>It is larger than the client takes.</summary>
        TooLarge = 2,

        /// <summary>It expired while it waited.</summary>
        Expired = 3,
    }

    /// <summary>
    /// What goes wrong on the connections of a client, counted from the moment its CONNECT has come.
    /// </summary>
    public enum MqttConnectionFault
    {
        /// <summary>
        /// CONNECT is answered with this reason: the number is a MqttReason of 0x80 or more.
        /// </summary>
        Refuse = 0,

        /// <summary>Everything that the broker sends waits so many milliseconds.</summary>
        DelayMs = 1,

        /// <summary>The connection is cut when the broker has sent so many bytes.</summary>
        CutAfterSending = 2,

        /// <summary>The connection is cut when the broker has received so many bytes.</summary>
        CutAfterReceiving = 3,

        /// <summary>
        /// Nothing is sent or received any more, but the connection stays open. The number has no meaning.
        /// </summary>
        HalfOpen = 4,

        /// <summary>Every PINGREQ is left without an answer. The number has no meaning.</summary>
        IgnorePings = 5,

        /// <summary>No write carries more than so many bytes; 1 or more.</summary>
        ShortWrites = 6,
    }

    /// <summary>What goes wrong with messages.</summary>
    public enum MqttMessageFault
    {
        /// <summary>They are accepted and then lost. The number has no meaning.</summary>
        DropMessages = 0,

        /// <summary>They are routed so many milliseconds later.</summary>
        DelayMessagesMs = 1,
    }
}
