namespace uPLibrary.Networking.M2Mqtt
{
    /// <summary>A version of MQTT; the numbers are the protocol levels of CONNECT.</summary>
    public enum MqttProtocolVersion
    {
        /// <summary>MQTT 3.1.</summary>
        Version_3_1 = 3,

        /// <summary>MQTT 3.1.1, the default.</summary>
        Version_3_1_1 = 4
    }

    /// <summary>Which TLS a connection speaks. SSL 3.0, TLS 1.0 and TLS 1.1 are broken and give an
    /// <see cref="System.ArgumentException"/> at the constructor.</summary>
    public enum MqttSslProtocols
    {
        /// <summary>No TLS; with a secure connection, the best version both sides know.</summary>
        None,

        /// <summary>SSL 3.0; refused.</summary>
        SSLv3,

        /// <summary>TLS 1.0; refused.</summary>
        TLSv1_0,

        /// <summary>TLS 1.1; refused.</summary>
        TLSv1_1,

        /// <summary>TLS 1.2.</summary>
        TLSv1_2
    }
}
