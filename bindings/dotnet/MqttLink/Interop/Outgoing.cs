using System;

namespace MqttLink.Interop
{
    /// <summary>A message as the library wants it, for the time of one call. Without garbage in the usual case.</summary>
    internal struct Outgoing : IDisposable
    {
        // Programs publish to the same topic again and again: its bytes are made once. Any thread may replace it.
        private static volatile Encoded last;

        private readonly PropertiesHandle properties;

        internal Outgoing(MqttPublication message)
        {
            var payload = (message ?? throw new ArgumentNullException(nameof(message))).Payload;
            var encoded = last;
            if (encoded == null || !ReferenceEquals(encoded.Text, message.Topic))
            {
                encoded = new Encoded(message.Topic);
                last = encoded;
            }
            Topic = encoded.Bytes;
            Array = payload.Array;
            Offset = payload.Offset;
            Length = NativeMethods.Size(payload.Count);
            QoS = (int)message.QoS;
            Retain = message.Retain;
            properties = MqttProperties.ToNative(message.Properties);
        }

        internal byte[] Topic { get; }

        internal byte[] Array { get; }

        internal int Offset { get; }

        internal UIntPtr Length { get; }

        internal int QoS { get; }

        internal bool Retain { get; }

        internal IntPtr Properties => properties?.Pointer ?? IntPtr.Zero;

        public void Dispose()
        {
            properties?.Dispose();
        }

        private sealed class Encoded
        {
            internal Encoded(string topic)
            {
                Text = topic;
                Bytes = Interop.Text.ToNative(topic, "topic");
            }

            internal string Text { get; }

            internal byte[] Bytes { get; }
        }
    }
}
