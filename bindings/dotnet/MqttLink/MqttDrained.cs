using System;
using System.Collections.Generic;
using MqttLink.Interop;

namespace MqttLink
{
    /// <summary>The messages that were left when a connection was ended.</summary>
    public sealed class MqttDrained
    {
        private MqttDrained(List<MqttLeftMessage> messages)
        {
            Messages = messages;
        }

        /// <summary>
        /// First those of QoS 0 that were not sent, then those of QoS 1 and 2 that were not acknowledged.
        /// </summary>
        public IReadOnlyList<MqttLeftMessage> Messages { get; }

        internal static MqttDrained From(DrainedHandle drained)
        {
            var messages = new List<MqttLeftMessage>();
            var count = (int)NativeMethods.mqttlink_drained_count(drained);
            for (var index = 0; index < count; index++)
            {
                MqttException.Check(
                    NativeMethods.mqttlink_drained_at(drained, NativeMethods.Size(index), out var left));
                var payload = Text.Bytes(left.Payload, left.PayloadLen) ?? Array.Empty<byte>();
                var message = new MqttPublication(Text.FromNative(left.Topic), payload)
                {
                    QoS = (MqttQoS)left.Qos,
                    Retain = left.Retain != 0,
                    Properties = MqttProperties.FromNative(left.Properties),
                };
                messages.Add(new MqttLeftMessage(message, left.Kept != 0));
            }
            return new MqttDrained(messages);
        }
    }

    /// <summary>One message that was left.</summary>
    public sealed class MqttLeftMessage
    {
        internal MqttLeftMessage(MqttPublication message, bool isKept)
        {
            Message = message;
            IsKept = isKept;
        }

        /// <summary>The message.</summary>
        public MqttPublication Message { get; }

        /// <summary>
        /// Whether the client keeps it and sends it again when it reconnects; otherwise it is gone from the client.
        /// </summary>
        public bool IsKept { get; }
    }
}
