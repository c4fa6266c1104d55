using System;
using System.Collections.Generic;
using MqttLink.Interop;

namespace MqttLink
{
    /// <summary>One packet of a broker's transcript.</summary>
    public sealed class MqttRecordedPacket
    {
        private MqttRecordedPacket()
        {
        }

        /// <summary>When, on the broker's clock.</summary>
        public TimeSpan At { get; private set; }

        /// <summary>The client identifier; "" before CONNECT has come.</summary>
        public string ClientId { get; private set; }

        /// <summary>Whether the client sent it; otherwise the broker did.</summary>
        public bool FromClient { get; private set; }

        /// <summary>The protocol version of the connection.</summary>
        public MqttProtocol Protocol { get; private set; }

        /// <summary>The packet, fixed header included. It may hold a password.</summary>
        public byte[] Bytes { get; private set; }

        /// <summary>The same in one line, without payload, password and authentication data.</summary>
        public string Text { get; private set; }

        internal static IReadOnlyList<MqttRecordedPacket> All(TranscriptHandle transcript)
        {
            var packets = new MqttRecordedPacket[(int)NativeMethods.mqttlink_transcript_count(transcript)];
            for (var index = 0; index < packets.Length; index++)
            {
                MqttException.Check(NativeMethods.mqttlink_transcript_at(
                    transcript, NativeMethods.Size(index), out var packet));
                packets[index] = new MqttRecordedPacket
                {
                    At = TimeSpan.FromTicks((long)packet.AtUs * 10),
                    ClientId = Interop.Text.FromNative(packet.ClientId),
                    FromClient = packet.FromClient != 0,
                    Protocol = (MqttProtocol)packet.Version,
                    Bytes = Interop.Text.Bytes(packet.Bytes, packet.Len),
                    Text = Interop.Text.FromNative(packet.Text),
                };
            }
            return packets;
        }
    }
}
