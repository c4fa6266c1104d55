using System;
using System.Collections.Generic;
using MqttLink.Interop;

namespace MqttLink
{
    /// <summary>What to subscribe to: filters, what each brings, and who takes the messages.</summary>
    public sealed class MqttSubscription
    {
        private readonly List<Filter> filters = new List<Filter>();

        /// <summary>A subscription to one filter; more can be added.</summary>
        /// <param name="filter">A topic filter, shared ones (`$share/NAME/FILTER`) included.</param>
        /// <param name="qos">The highest QoS at which messages are to be delivered.</param>
        public MqttSubscription(string filter, MqttQoS qos = MqttQoS.AtMostOnce)
        {
            Add(filter, qos);
        }

        /// <summary>
        /// Takes the messages that match one of the filters; <see cref="MqttClient.MessageReceived"/> and
        /// <see cref="MqttClient.Receive()"/> do not get them then. Runs on the client's dispatcher thread, one
        /// message at a time. Null, which is the default: there is none.
        /// </summary>
        public Action<MqttMessage> Handler { get; set; }

        /// <summary>Subscription identifier and user properties, of MQTT 5.0; null if there are none.</summary>
        public MqttProperties Properties { get; set; }

        /// <summary>The filters, in order.</summary>
        public IReadOnlyList<string> Filters => filters.ConvertAll(filter => filter.Text);

        /// <summary>Adds a filter.</summary>
        /// <param name="filter">A topic filter.</param>
        /// <param name="qos">The highest QoS at which messages are to be delivered.</param>
        /// <param name="noLocal">Leave out what this client publishes. MQTT 5.0 only.</param>
        /// <param name="retainAsPublished">Keep the RETAIN flag of the publisher. MQTT 5.0 only.</param>
        /// <param name="retainHandling">Which retained messages come at once. MQTT 5.0 only.</param>
        /// <returns>This subscription.</returns>
        public MqttSubscription Add(
            string filter,
            MqttQoS qos,
            bool noLocal = false,
            bool retainAsPublished = false,
            MqttRetainHandling retainHandling = MqttRetainHandling.Send)
        {
            filters.Add(new Filter
            {
                Text = filter ?? throw new ArgumentNullException(nameof(filter)),
                QoS = qos,
                NoLocal = noLocal,
                RetainAsPublished = retainAsPublished,
                RetainHandling = retainHandling,
            });
            return this;
        }

        /// <summary>The same subscription with one of its filters.</summary>
        internal MqttSubscription Only(int index)
        {
            var one = filters[index];
            var copy = new MqttSubscription(one.Text, one.QoS) { Handler = Handler, Properties = Properties };
            copy.filters[0] = one;
            return copy;
        }

        /// <summary>The library's form, without the handler.</summary>
        internal SubscriptionHandle ToNative()
        {
            var native = NativeMethods.mqttlink_subscription_new();
            try
            {
                foreach (var filter in filters)
                {
                    MqttException.Check(NativeMethods.mqttlink_subscription_add_with(
                        native, Interop.Text.ToNative(filter.Text, "filter"), (int)filter.QoS, filter.NoLocal,
                        filter.RetainAsPublished, (int)filter.RetainHandling));
                }
                using (var properties = MqttProperties.ToNative(Properties))
                {
                    if (properties != null)
                    {
                        MqttException.Check(NativeMethods.mqttlink_subscription_set_properties(
                            native, properties.Pointer));
                    }
                }
                return native;
            }
            catch
            {
                native.Dispose();
                throw;
            }
        }

        private sealed class Filter
        {
            internal string Text;
            internal MqttQoS QoS;
            internal bool NoLocal;
            internal bool RetainAsPublished;
            internal MqttRetainHandling RetainHandling;
        }
    }
}
