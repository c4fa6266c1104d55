using System;
using System.Text;

namespace MqttLink
{
    /// <summary>A message to be published, or a will.</summary>
    public sealed class MqttPublication
    {
        /// <summary>A message; its payload may be null, which is empty. Nothing is copied or checked yet.</summary>
        /// <param name="topic">1 to 65,535 bytes of UTF-8, without wildcards.</param>
        /// <param name="payload">Any bytes.</param>
        public MqttPublication(string topic, byte[] payload)
            : this(topic, new ArraySegment<byte>(payload ?? Array.Empty<byte>()))
        {
        }

        /// <summary>A message with text, as UTF-8.</summary>
        public MqttPublication(string topic, string text)
            : this(topic, Encoding.UTF8.GetBytes(text ?? ""))
        {
        }

        /// <summary>A message with a part of an array.</summary>
        public MqttPublication(string topic, ArraySegment<byte> payload)
        {
            Topic = topic ?? throw new ArgumentNullException(nameof(topic));
            Payload = payload.Array == null ? new ArraySegment<byte>(Array.Empty<byte>()) : payload;
        }

        /// <summary>The topic name.</summary>
        public string Topic { get; }

        /// <summary>The payload.</summary>
        public ArraySegment<byte> Payload { get; }

        /// <summary>The quality of service. Default: 0.</summary>
        public MqttQoS QoS { get; set; }

        /// <summary>Whether the server keeps the message for later subscribers. Default: false.</summary>
        public bool Retain { get; set; }

        /// <summary>The properties, of MQTT 5.0; null, which is the default, if there are none.</summary>
        public MqttProperties Properties { get; set; }
    }
}
