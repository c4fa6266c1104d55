using System;
using System.Linq;
using System.Runtime.InteropServices;
using MqttLink.Interop;

namespace MqttLink
{
    public sealed partial class MqttClient
    {
        private delegate MqttStatus NativeUnsubscribe(IntPtr[] filters, UIntPtr count, IntPtr properties);

        /// <summary>
        /// Subscribes, and waits for the server's answer, at most the response timeout. The server may grant less
        /// than was asked for, or refuse a filter: look at the results.
        /// </summary>
        /// <exception cref="ArgumentException">A filter breaks the rules.</exception>
        /// <exception cref="MqttException">There is no connection, or no answer in time.</exception>
        public MqttResults Subscribe(MqttSubscription subscription)
        {
            using (var native = Prepare(subscription))
            {
                MqttException.Check(NativeMethods.mqttlink_client_subscribe(handle, native, out var answer));
                var results = MqttResults.Take(answer);
                supervisor?.Book.Add(subscription, results);
                return results;
            }
        }

        /// <summary>
        /// Subscribes to one filter, and waits for the server's answer, at most the response timeout.
        /// </summary>
        /// <param name="filter">A topic filter.</param>
        /// <param name="qos">The highest QoS at which messages are to be delivered.</param>
        /// <param name="handler">
        /// Takes the messages; null leaves them to <see cref="MessageReceived"/> or <see cref="Receive()"/>.
        /// </param>
        /// <returns>The QoS that the server granted.</returns>
        /// <exception cref="MqttException">
        /// As <see cref="Subscribe(MqttSubscription)"/>, and <see cref="MqttStatus.SubscribeRefused"/>.
        /// </exception>
        public MqttQoS Subscribe(string filter, MqttQoS qos, Action<MqttMessage> handler = null)
        {
            var results = Subscribe(new MqttSubscription(filter, qos) { Handler = handler });
            return results.GrantedQoS(0) ?? throw MqttException.Refused(
                MqttStatus.SubscribeRefused, "the server refused the subscription to '" + filter + "'", results);
        }

        /// <summary>
        /// Subscribes without waiting; the answer raises <see cref="Subscribed"/> with the number that this
        /// returns, perhaps before it has returned; also when the connection ends first.
        /// </summary>
        public ulong PostSubscribe(MqttSubscription subscription)
        {
            var id = RequestSubscription(subscription);
            if (supervisor == null)
            {
                subscribed.Ignore(id);
            }
            else
            {
                Remember(subscription, subscribed.Wait(id, default));
            }
            return id;
        }

        /// <summary>
        /// Ends subscriptions, and waits for the server's answer, at most the response timeout. Filters are given
        /// letter by letter as they were subscribed to; that there was no such subscription is not a failure.
        /// </summary>
        /// <exception cref="MqttException">There is no connection, or no answer in time.</exception>
        public MqttResults Unsubscribe(params string[] filters)
        {
            return Unsubscribe(filters, null);
        }

        /// <summary>As <see cref="Unsubscribe(string[])"/>, with user properties, of MQTT 5.0.</summary>
        public MqttResults Unsubscribe(string[] filters, MqttProperties properties)
        {
            ResultsHandle answer = null;
            MqttException.Check(Native(filters, properties, (texts, count, list) =>
                NativeMethods.mqttlink_client_unsubscribe(handle, texts, count, list, out answer)));
            supervisor?.Book.Remove(filters);
            return MqttResults.Take(answer);
        }

        /// <summary>
        /// Ends subscriptions without waiting; the answer raises <see cref="Unsubscribed"/> with the number that
        /// this returns, perhaps before it has returned.
        /// </summary>
        public ulong PostUnsubscribe(params string[] filters)
        {
            var id = RequestUnsubscription(filters, null);
            unsubscribed.Ignore(id);
            return id;
        }

        private ulong RequestSubscription(MqttSubscription subscription)
        {
            using (var native = Prepare(subscription))
            {
                MqttException.Check(NativeMethods.mqttlink_client_subscribe_event(handle, native, out var id));
                return id;
            }
        }

        private ulong RequestUnsubscription(string[] filters, MqttProperties properties)
        {
            var id = 0UL;
            MqttException.Check(Native(filters, properties, (texts, count, list) =>
                NativeMethods.mqttlink_client_unsubscribe_event(handle, texts, count, list, out id)));
            supervisor?.Book.Remove(filters);
            return id;
        }

        // The library's form, whose handler finds this client without keeping it alive.
        private SubscriptionHandle Prepare(MqttSubscription subscription)
        {
            var native = (subscription ?? throw new ArgumentNullException(nameof(subscription))).ToNative();
            if (subscription.Handler != null)
            {
                var number = AddHandler(subscription.Handler);
                var user = GCHandle.Alloc(new ClientLink(events, number));
                // The library frees the handle, also if this fails.
                MqttException.Check(NativeMethods.mqttlink_subscription_set_handler(
                    native, ClientCallbacks.SubscriptionMessage, GCHandle.ToIntPtr(user),
                    ClientCallbacks.FreeSubscription));
            }
            return native;
        }

        private static MqttStatus Native(string[] filters, MqttProperties properties, NativeUnsubscribe call)
        {
            var texts = (filters ?? throw new ArgumentNullException(nameof(filters)))
                .Select(filter => Text.Required(filter, "filter")).ToArray();
            var pins = Array.ConvertAll(texts, text => GCHandle.Alloc(text, GCHandleType.Pinned));
            try
            {
                using (var list = MqttProperties.ToNative(properties))
                {
                    var pointers = Array.ConvertAll(pins, pin => pin.AddrOfPinnedObject());
                    return call(pointers, NativeMethods.Size(pointers.Length), list?.Pointer ?? IntPtr.Zero);
                }
            }
            finally
            {
                Array.ForEach(pins, pin => pin.Free());
            }
        }
    }
}
