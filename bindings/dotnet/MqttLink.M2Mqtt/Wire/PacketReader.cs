using System;
using System.Collections;
using System.Text;
using nanoFramework.M2Mqtt;
using nanoFramework.M2Mqtt.Exceptions;
using nanoFramework.M2Mqtt.Messages;

namespace MqttLink.M2Mqtt.Wire
{
    /// <summary>Takes the body of a packet apart. What is not there, or cannot be, is an
    /// <see cref="MqttClientException"/> with <see cref="MqttClientErrorCode.WrongBrokerMessage"/>.</summary>
    internal sealed class PacketReader
    {
        /// <summary>How much is allocated ahead of what has come.</summary>
        private const int Step = 64 * 1024;

        private readonly byte[] body;
        private readonly int end;
        private int at;
        private int propertiesEnd;
        private ulong seen;

        internal PacketReader(byte[] body)
            : this(body, 0, body.Length)
        {
        }

        internal PacketReader(byte[] body, int start, int end)
        {
            this.body = body;
            this.at = start;
            this.end = end;
        }

        /// <summary>How many bytes are left.</summary>
        internal int Left
        {
            get { return end - at; }
        }

        /// <summary>Reads the rest of a packet whose first byte has been read, and checks its type and
        /// flags; with negative flags any are allowed.</summary>
        internal static PacketReader Receive(
            byte first, MqttMessageType type, int flags, IMqttNetworkChannel channel)
        {
            if (channel == null)
            {
                throw new ArgumentNullException(nameof(channel));
            }

            if (first >> 4 != (int)type)
            {
                throw Wrong();
            }

            if (flags >= 0 && (first & 0x0F) != flags)
            {
                throw new MqttClientException(MqttClientErrorCode.InvalidFlagBits);
            }

            return new PacketReader(ReceiveBody(channel, ReceiveLength(channel)));
        }

        internal static MqttClientException Wrong()
        {
            return new MqttClientException(MqttClientErrorCode.WrongBrokerMessage);
        }

        internal byte Byte()
        {
            Need(1);
            return body[at++];
        }

        internal bool Flag()
        {
            byte value = Byte();
            if (value > 1)
            {
                throw Wrong();
            }

            return value == 1;
        }

        internal ushort UInt16()
        {
            int high = Byte();
            return (ushort)((high << 8) | Byte());
        }

        internal uint UInt32()
        {
            uint high = UInt16();
            return (high << 16) | UInt16();
        }

        internal int VarInt()
        {
            int value = 0;
            for (int shift = 0; shift < 28; shift += 7)
            {
                byte part = Byte();
                value |= (part & 0x7F) << shift;
                if ((part & 0x80) == 0)
                {
                    if (part == 0 && shift > 0)
                    {
                        throw Wrong();
                    }

                    return value;
                }
            }

            throw Wrong();
        }

        internal string Text()
        {
            int length = UInt16();
            Need(length);
            try
            {
                string text = PacketWriter.Utf8.GetString(body, at, length);
                at += length;
                if (text.IndexOf('\0') >= 0)
                {
                    throw Wrong();
                }

                return text;
            }
            catch (DecoderFallbackException)
            {
                throw Wrong();
            }
        }

        internal byte[] Binary()
        {
            return Bytes(UInt16());
        }

        internal byte[] Bytes(int count)
        {
            Need(count);
            byte[] bytes = new byte[count];
            Buffer.BlockCopy(body, at, bytes, 0, count);
            at += count;
            return bytes;
        }

        /// <summary>Begins a list of properties. One that would begin behind the last byte is empty: the short
        /// forms of acknowledgements, DISCONNECT and AUTH leave it out.</summary>
        internal void BeginProperties()
        {
            int length = Left == 0 ? 0 : VarInt();
            Need(length);
            propertiesEnd = at + length;
            seen = 0;
        }

        /// <summary>The next property of the list, which must be one of the allowed; false at its end.</summary>
        internal bool NextProperty(out PropertyId id, params PropertyId[] allowed)
        {
            id = 0;
            if (at >= propertiesEnd)
            {
                if (at > propertiesEnd)
                {
                    throw Wrong();
                }

                return false;
            }

            int number = VarInt();
            id = (PropertyId)number;
            bool repeats = id == PropertyId.UserProperty || id == PropertyId.SubscriptionIdentifier;
            if (number > 63 || Array.IndexOf(allowed, id) < 0 || (!repeats && (seen & (1UL << number)) != 0))
            {
                throw Wrong();
            }

            seen |= 1UL << number;
            return true;
        }

        internal void UserProperty(ArrayList list)
        {
            string name = Text();
            list.Add(new UserProperty(name, Text()));
        }

        /// <summary>Nothing may be left.</summary>
        internal void End()
        {
            if (Left != 0)
            {
                throw Wrong();
            }
        }

        private static int ReceiveLength(IMqttNetworkChannel channel)
        {
            byte[] part = new byte[1];
            int value = 0;
            for (int shift = 0; shift < 28; shift += 7)
            {
                Fill(channel, part);
                value |= (part[0] & 0x7F) << shift;
                if ((part[0] & 0x80) == 0)
                {
                    return value;
                }
            }

            throw Wrong();
        }

        /// <summary>Allocates as the bytes come, whatever length was announced.</summary>
        private static byte[] ReceiveBody(IMqttNetworkChannel channel, int length)
        {
            byte[] body = new byte[Math.Min(length, Step)];
            Fill(channel, body);
            while (body.Length < length)
            {
                byte[] more = new byte[Math.Min(length - body.Length, body.Length)];
                Fill(channel, more);
                int filled = body.Length;
                Array.Resize(ref body, filled + more.Length);
                Buffer.BlockCopy(more, 0, body, filled, more.Length);
            }

            return body;
        }

        private static void Fill(IMqttNetworkChannel channel, byte[] place)
        {
            int filled = 0;
            while (filled < place.Length)
            {
                byte[] rest = filled == 0 ? place : new byte[place.Length - filled];
                int count = channel.Receive(rest);
                if (count <= 0)
                {
                    throw new MqttCommunicationException();
                }

                if (filled > 0)
                {
                    Buffer.BlockCopy(rest, 0, place, filled, count);
                }

                filled += count;
            }
        }

        private void Need(int count)
        {
            if (count > Left)
            {
                throw Wrong();
            }
        }
    }
}
