namespace nanoFramework.M2Mqtt
{
    /// <summary>A byte stream to the other side, for programs that read and write packets by themselves.
    /// <see cref="MqttClient"/> does not use it.</summary>
    public interface IMqttNetworkChannel
    {
        /// <summary>Whether bytes can be received without waiting.</summary>
        bool DataAvailable { get; }

        /// <summary>Whether the server's certificate is verified.</summary>
        bool ValidateServerCertificate { get; set; }

        /// <summary>Waits until the buffer is full or the stream ends.</summary>
        /// <param name="buffer">Where the bytes go.</param>
        /// <returns>How many came; fewer than the buffer holds at the end of the stream.</returns>
        int Receive(byte[] buffer);

        /// <summary>Waits until the buffer is full, the stream ends or the time is up.</summary>
        /// <param name="buffer">Where the bytes go.</param>
        /// <param name="timeout">How long to wait for more, in milliseconds.</param>
        /// <returns>How many came.</returns>
        int Receive(byte[] buffer, int timeout);

        /// <summary>Sends all bytes.</summary>
        /// <param name="buffer">The bytes.</param>
        /// <returns>How many were sent: all.</returns>
        int Send(byte[] buffer);

        /// <summary>Ends the stream.</summary>
        void Close();

        /// <summary>Connects to the server.</summary>
        void Connect();

        /// <summary>Speaks TLS as the server, on a connection that was accepted.</summary>
        void Accept();
    }
}
