using System;
using System.Collections.Generic;
using System.Linq;

namespace MqttLink.Interop
{
    /// <summary>What a client has subscribed to, by filter.</summary>
    internal sealed class SubscriptionBook
    {
        private readonly Dictionary<string, MqttSubscription> entries = new Dictionary<string, MqttSubscription>();

        /// <summary>The server has answered: what it granted is kept.</summary>
        internal void Add(MqttSubscription subscription, MqttResults results)
        {
            lock (entries)
            {
                var filters = subscription.Filters;
                for (var index = 0; index < filters.Count && index < results.Reasons.Count; index++)
                {
                    if (results.GrantedQoS(index) != null)
                    {
                        entries[filters[index]] = subscription.Only(index);
                    }
                }
            }
        }

        internal void Remove(IEnumerable<string> filters)
        {
            lock (entries)
            {
                foreach (var filter in filters)
                {
                    entries.Remove(filter);
                }
            }
        }

        /// <summary>Subscribes to everything again, without waiting for the answers.</summary>
        internal void SubscribeAgain(MqttClient client)
        {
            MqttSubscription[] all;
            lock (entries)
            {
                all = entries.Values.ToArray();
            }
            Array.ForEach(all, subscription => client.PostSubscribe(subscription));
        }
    }
}
