using System;
using System.Threading;

namespace MqttLink.Interop
{
    /// <summary>A message as the library wants it, for the time of one call. Without garbage in the usual case.</summary>
    internal struct Outgoing : IDisposable
    {
        // Together at most 256 Ki characters, up to three bytes each, of topics.
        private const int Places = 1024;
        private const int LongestKept = 256;

        // Programs publish to the same few topics again and again: the bytes of each are made once. Any thread may
        // replace what is at a place, and the topic of the last message; what is there is complete and never changes.
        private static readonly Encoded[] Known = new Encoded[Places];
        private static volatile Encoded last;

        private readonly PropertiesHandle properties;

        internal Outgoing(MqttPublication message)
        {
            var payload = (message ?? throw new ArgumentNullException(nameof(message))).Payload;
            var encoded = last;
            if (encoded == null || !ReferenceEquals(encoded.Text, message.Topic))
            {
                encoded = Find(message.Topic);
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

        private static Encoded Find(string topic)
        {
            if (topic.Length > LongestKept)
            {
                return new Encoded(topic);
            }
            var place = topic.GetHashCode() & (Places - 1);
            var encoded = Known[place];
            if (encoded == null || encoded.Text != topic)
            {
                encoded = new Encoded(topic);
                Volatile.Write(ref Known[place], encoded);
            }
            return encoded;
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
