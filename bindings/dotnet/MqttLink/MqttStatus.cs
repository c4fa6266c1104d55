namespace MqttLink
{
    /// <summary>
    /// What a call came to. Numbers never change their meaning and are never used again; later versions may
    /// add some. 0 is success; 1 to 99 are mistakes in using the C library; 100 to 199 are arguments that
    /// cannot be used; 200 to 299 the client's state; 300 to 399 deadlines; 400 to 499 the network; 500 to
    /// 599 refusals by the server; 600 to 699 ends of the connection; 700 to 799 limits that the server
    /// announced; 800 to 899 messages that were given up.
    /// </summary>
    public enum MqttStatus
    {
        /// <summary>Success.</summary>
        Ok = 0,

        /// <summary>An argument is NULL that must not be. The message names it.</summary>
        Null = 1,

        /// <summary>A string is not UTF-8. The message names it.</summary>
        Utf8 = 2,

        /// <summary>A number is not one of those that the argument can be. The message names it.</summary>
        Number = 3,

        /// <summary>The client has been freed.</summary>
        Freed = 4,

        /// <summary>A bug in mqttlink: it panicked. The state of the handle is unknown; free it.</summary>
        Panic = 5,

        /// <summary>
        /// The client was made before fork(), and this is the child. Make another one here.
        /// </summary>
        Forked = 6,

        /// <summary>What was asked for is not there.</summary>
        NotFound = 7,

        /// <summary>The URL cannot be used.</summary>
        InvalidUrl = 100,

        /// <summary>A topic name breaks the rules.</summary>
        InvalidTopic = 101,

        /// <summary>A topic filter breaks the rules.</summary>
        InvalidFilter = 102,

        /// <summary>A property has a value it cannot have, or stands where it does not belong.</summary>
        InvalidProperty = 103,

        /// <summary>Another argument cannot be used.</summary>
        InvalidArgument = 104,

        /// <summary>The protocol version of the connection cannot express it.</summary>
        NotInVersion = 105,

        /// <summary>The packet would be larger than the protocol allows.</summary>
        PacketTooLarge = 106,

        /// <summary>A CA certificate cannot be used.</summary>
        TlsAuthority = 110,

        /// <summary>The client certificate cannot be used.</summary>
        TlsCertificate = 111,

        /// <summary>The client key cannot be used.</summary>
        TlsKey = 112,

        /// <summary>The TLS library does not take the settings.</summary>
        TlsSetup = 113,

        /// <summary>There is no connection.</summary>
        NotConnected = 200,

        /// <summary>There is a connection already.</summary>
        AlreadyConnected = 201,

        /// <summary>Another call is connecting.</summary>
        AlreadyConnecting = 202,

        /// <summary>As many messages are in flight as may be.</summary>
        WindowFull = 203,

        /// <summary>The outgoing buffer is full.</summary>
        BufferFull = 204,

        /// <summary>All 65,535 packet identifiers are in use.</summary>
        NoPacketId = 205,

        /// <summary>The client was closed while the call waited.</summary>
        Closed = 206,

        /// <summary>This build does not have it.</summary>
        NotSupported = 207,

        /// <summary>The call makes no sense in this state.</summary>
        InvalidState = 208,

        /// <summary>The system gave no thread or socket.</summary>
        Resources = 209,

        /// <summary>The source of a streamed payload failed.</summary>
        PayloadSource = 210,

        /// <summary>
        /// What the call waits for waits for the handler it is made in, or is behind messages that do.
        /// </summary>
        WouldDeadlock = 211,

        /// <summary>The broker has stopped.</summary>
        BrokerStopped = 212,

        /// <summary>MqttClient.Interrupt woke the call. The connection is as it was.</summary>
        Interrupted = 213,

        /// <summary>The deadline came while the host name was looked up.</summary>
        TimeoutDns = 300,

        /// <summary>The deadline came while the socket was connected.</summary>
        TimeoutTcp = 301,

        /// <summary>The deadline came while TLS was negotiated.</summary>
        TimeoutTls = 302,

        /// <summary>The deadline came before CONNACK.</summary>
        TimeoutConnack = 303,

        /// <summary>The deadline came before there was room to publish.</summary>
        TimeoutRoom = 304,

        /// <summary>The deadline came before the acknowledgement.</summary>
        TimeoutAck = 305,

        /// <summary>The deadline came before everything was sent.</summary>
        TimeoutDrain = 306,

        /// <summary>The deadline came before a message.</summary>
        TimeoutReceive = 307,

        /// <summary>The host name could not be looked up.</summary>
        HostNotFound = 400,

        /// <summary>The host name has no address that could be used.</summary>
        NoAddress = 401,

        /// <summary>No address could be connected.</summary>
        ConnectFailed = 402,

        /// <summary>TLS was not negotiated, or the server refused the client's certificate.</summary>
        TlsHandshake = 403,

        /// <summary>The system reported an error of the connection.</summary>
        ConnectionLost = 404,

        /// <summary>The server closed the connection without a word.</summary>
        ConnectionClosed = 405,

        /// <summary>TLS ended with an alert, or with bytes that cannot be decrypted.</summary>
        TlsFailed = 406,

        /// <summary>An address could not be listened on.</summary>
        ListenFailed = 407,

        /// <summary>The server refused the connection.</summary>
        Refused = 500,

        /// <summary>The server ended the connection with DISCONNECT.</summary>
        ServerDisconnected = 501,

        /// <summary>The server refused the message.</summary>
        PublishRefused = 502,

        /// <summary>The server refused a subscription.</summary>
        SubscribeRefused = 503,

        /// <summary>The server refused to end a subscription.</summary>
        UnsubscribeRefused = 504,

        /// <summary>The authenticator gave up.</summary>
        AuthenticationFailed = 505,

        /// <summary>The server broke the protocol.</summary>
        ProtocolViolation = 600,

        /// <summary>The server is silent.</summary>
        KeepAliveTimeout = 601,

        /// <summary>The server takes no messages of this QoS.</summary>
        MaximumQoS = 700,

        /// <summary>The server keeps no retained messages.</summary>
        RetainNotAvailable = 701,

        /// <summary>The server takes no packets of this size.</summary>
        MaximumPacketSize = 702,

        /// <summary>The server has no wildcard subscriptions.</summary>
        WildcardNotAvailable = 703,

        /// <summary>The server has no shared subscriptions.</summary>
        SharedNotAvailable = 704,

        /// <summary>The server has no subscription identifiers.</summary>
        SubscriptionIdNotAvailable = 705,

        /// <summary>The message was given up because the server lost the session.</summary>
        SessionLost = 800,

        /// <summary>
        /// The message was given up because its payload came from a stream that was interrupted.
        /// </summary>
        StreamInterrupted = 801,

        /// <summary>The message was never sent: the connection ended first.</summary>
        NotSent = 802,
    }

    /// <summary>Where something failed.</summary>
    public enum MqttStage
    {
        /// <summary>In this process: an argument, the client's state, a limit of the system.</summary>
        Local = 0,

        /// <summary>Looking up the host name.</summary>
        Dns = 1,

        /// <summary>On the socket.</summary>
        Tcp = 2,

        /// <summary>In TLS: its settings, its handshake, its alerts.</summary>
        Tls = 3,

        /// <summary>In MQTT: the server refused, or broke the protocol.</summary>
        Mqtt = 4,
    }
}
