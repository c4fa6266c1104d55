using System;

namespace MqttLink
{
    /// <summary>
    /// The client's side of an authentication exchange of MQTT 5.0 (section 4.12). Its methods run on the thread that
    /// connects or re-authenticates. What they throw ends the exchange, and is the inner exception of what
    /// <see cref="MqttClient.Connect"/> throws.
    /// </summary>
    public interface IMqttAuthenticator
    {
        /// <summary>The name of the method, such as "SCRAM-SHA-256".</summary>
        string Method { get; }

        /// <summary>A new exchange begins: the data of CONNECT or of the first AUTH; null for none.</summary>
        byte[] Start();

        /// <summary>The data of the answer to a challenge, which may be empty; null for none.</summary>
        byte[] Respond(byte[] challenge);

        /// <summary>
        /// The server is satisfied, and has sent this with its last packet, perhaps nothing. A method that
        /// authenticates the server too verifies it here, and throws if it is another.
        /// </summary>
        void Finish(byte[] data);
    }

    /// <summary>A step of an authentication exchange that <see cref="MqttClient.Authentication"/> answers.</summary>
    public sealed class MqttAuthenticationEventArgs : EventArgs
    {
        internal MqttAuthenticationEventArgs(string method, byte[] data, bool isFinished)
        {
            Method = method;
            Data = data;
            IsFinished = isFinished;
        }

        /// <summary>The name of the method.</summary>
        public string Method { get; }

        /// <summary>What the server has sent; empty if nothing.</summary>
        public byte[] Data { get; }

        /// <summary>Whether the server is satisfied, and no answer is wanted any more.</summary>
        public bool IsFinished { get; }

        /// <summary>The data of the answer; null for none. Not used when the exchange is finished.</summary>
        public byte[] Response { get; set; }
    }
}
