using System;
using System.Text;
using System.Threading;

namespace MqttLink.Interop
{
    /// <summary>
    /// Topic names of messages. Messages come to the same few topics again and again: the text of each is made once.
    /// </summary>
    internal static unsafe class TopicNames
    {
        // Together at most 256 KiB of names as bytes, and twice that as text.
        private const int Places = 1024;
        private const int LongestKept = 256;
        private const ulong Mixer = 0x9E3779B97F4A7C15;

        // Any thread may replace what is at a place, and the last one; what is there is complete and never changes.
        private static readonly Decoded[] Known = new Decoded[Places];
        private static volatile Decoded last = new Decoded(null, 0);

        internal static string FromNative(byte* name, int length)
        {
            var known = last;
            return Same(known.Bytes, name, length) ? known.Text : Find(name, length);
        }

        private static string Find(byte* name, int length)
        {
            if (length > LongestKept)
            {
                return Encoding.UTF8.GetString(name, length);
            }
            var place = Place(name, length);
            var known = Known[place];
            if (known == null || !Same(known.Bytes, name, length))
            {
                known = new Decoded(name, length);
                Volatile.Write(ref Known[place], known);
            }
            last = known;
            return known.Text;
        }

        // Eight bytes at a time; the last eight may overlap those before them.
        private static int Place(byte* name, int length)
        {
            var hash = (ulong)length;
            if (length < sizeof(ulong))
            {
                for (var at = 0; at < length; at++)
                {
                    hash = (hash << 8 | hash >> 56) ^ name[at];
                }
            }
            else
            {
                for (var at = 0; at < length - sizeof(ulong); at += sizeof(ulong))
                {
                    hash = (hash ^ *(ulong*)(name + at)) * Mixer;
                    hash ^= hash >> 32;
                }
                hash ^= *(ulong*)(name + length - sizeof(ulong));
            }
            return (int)((hash * Mixer) >> 40) & (Places - 1);
        }

        private static bool Same(byte[] known, byte* name, int length)
        {
            if (known.Length != length)
            {
                return false;
            }
            fixed (byte* bytes = known)
            {
                var at = 0;
                for (; at <= length - sizeof(ulong); at += sizeof(ulong))
                {
                    if (*(ulong*)(bytes + at) != *(ulong*)(name + at))
                    {
                        return false;
                    }
                }
                for (; at < length; at++)
                {
                    if (bytes[at] != name[at])
                    {
                        return false;
                    }
                }
            }
            return true;
        }

        private sealed class Decoded
        {
            internal Decoded(byte* name, int length)
            {
                Bytes = new byte[length];
                for (var at = 0; at < length; at++)
                {
                    Bytes[at] = name[at];
                }
                Text = Encoding.UTF8.GetString(Bytes);
            }

            internal byte[] Bytes { get; }

            internal string Text { get; }
        }
    }
}
