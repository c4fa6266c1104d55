using System;
using System.Collections.Generic;
using System.Linq;
using MqttLink.Interop;

namespace MqttLink
{
    /// <summary>
    /// The server's answer to a subscription or to the end of one: one reason for each filter, in order.
    /// </summary>
    public sealed class MqttResults
    {
        private MqttResults(MqttReason[] reasons, MqttProperties properties)
        {
            Reasons = reasons;
            Properties = properties;
        }

        /// <summary>
        /// One reason for each filter. For a subscription 0 to 2 is the QoS granted; from 0x80 it was refused.
        /// </summary>
        public IReadOnlyList<MqttReason> Reasons { get; }

        /// <summary>Reason string and user properties of the answer; an empty list before MQTT 5.0.</summary>
        public MqttProperties Properties { get; }

        /// <summary>Whether no filter was refused.</summary>
        public bool AllGranted => Reasons.All(reason => (int)reason < 0x80);

        /// <summary>The QoS that the server granted for a filter, from 0; null if it refused it.</summary>
        public MqttQoS? GrantedQoS(int index)
        {
            return (int)Reasons[index] < 0x80 ? (MqttQoS?)(int)Reasons[index] : null;
        }

        internal static MqttResults From(IntPtr results)
        {
            var reasons = new MqttReason[(int)NativeMethods.mqttlink_results_count(results)];
            for (var index = 0; index < reasons.Length; index++)
            {
                reasons[index] =
                    (MqttReason)NativeMethods.mqttlink_results_at(results, NativeMethods.Size(index));
            }
            var properties = NativeMethods.mqttlink_results_properties(results);
            return new MqttResults(reasons, MqttProperties.FromNative(properties));
        }

        internal static MqttResults Take(ResultsHandle handle)
        {
            using (handle)
            {
                return From(handle.Pointer);
            }
        }
    }
}
