using System;
using System.Reflection;
using nanoFramework.M2Mqtt;
using nanoFramework.M2Mqtt.Messages;

namespace M2Mqtt.Tests
{
    /// <summary>Packets from bytes, and bytes as a channel.</summary>
    internal static class Packets
    {
        /// <summary>The packet, encoded and decoded.</summary>
        internal static MqttMsgBase Again(MqttMsgBase packet, MqttProtocolVersion version)
        {
            return Again(packet.GetType(), packet.GetBytes(version), version);
        }

        /// <summary>Decodes a packet of this type.</summary>
        internal static MqttMsgBase Again(Type type, byte[] bytes, MqttProtocolVersion version)
        {
            BytesChannel channel = new BytesChannel(bytes);
            byte[] first = new byte[1];
            channel.Receive(first);
            try
            {
                object read = type.GetMethod("Parse").Invoke(null, new object[] { first[0], version, channel });
                if (channel.Left != 0)
                {
                    throw new InvalidOperationException(channel.Left + " bytes are left");
                }

                return (MqttMsgBase)read;
            }
            catch (TargetInvocationException error)
            {
                throw error.InnerException;
            }
        }

        private sealed class BytesChannel : IMqttNetworkChannel
        {
            private readonly byte[] bytes;
            private int at;

            internal BytesChannel(byte[] bytes)
            {
                this.bytes = bytes;
            }

            public bool DataAvailable
            {
                get { return Left > 0; }
            }

            public bool ValidateServerCertificate { get; set; }

            internal int Left
            {
                get { return bytes.Length - at; }
            }

            // Gives half of what there is, as a slow network does.
            public int Receive(byte[] buffer)
            {
                int count = Math.Min(Math.Min(buffer.Length, Left), Math.Max(3, Left / 2));
                Buffer.BlockCopy(bytes, at, buffer, 0, count);
                at += count;
                return count;
            }

            public int Receive(byte[] buffer, int timeout)
            {
                return Receive(buffer);
            }

            public int Send(byte[] buffer)
            {
                throw new NotSupportedException();
            }

            public void Close()
            {
            }

            public void Connect()
            {
            }

            public void Accept()
            {
            }
        }
    }
}
