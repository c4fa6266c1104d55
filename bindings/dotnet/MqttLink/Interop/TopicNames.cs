using System;
using System.Text;

namespace MqttLink.Interop
{
    /// <summary>
    /// Topic names of messages. Messages come to the same topic again and again: its text is made once.
    /// </summary>
    internal static class TopicNames
    {
        // Any thread may replace it; what is in it never changes.
        private static volatile Decoded last = new Decoded(new byte[0]);

        internal static unsafe string FromNative(IntPtr name)
        {
            var bytes = (byte*)name;
            var known = last;
            var length = 0;
            while (length < known.Bytes.Length && bytes[length] == known.Bytes[length] && bytes[length] != 0)
            {
                length++;
            }
            if (length == known.Bytes.Length && bytes[length] == 0)
            {
                return known.Text;
            }
            while (bytes[length] != 0)
            {
                length++;
            }
            var copy = new byte[length];
            for (var place = 0; place < length; place++)
            {
                copy[place] = bytes[place];
            }
            known = new Decoded(copy);
            last = known;
            return known.Text;
        }

        private sealed class Decoded
        {
            internal Decoded(byte[] bytes)
            {
                Bytes = bytes;
                Text = Encoding.UTF8.GetString(bytes);
            }

            internal byte[] Bytes { get; }

            internal string Text { get; }
        }
    }
}
