using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using MqttLink.Interop;

namespace MqttLink
{
    public sealed partial class MqttBroker
    {
        private static readonly SessionFunction EachSession = OnEachSession;
        private static readonly SubscribedFunction EachSubscription = OnEachSubscription;

        /// <summary>
        /// The sessions of all clients, connected or not. Looking at 100,000 takes the broker's thread some tens of
        /// milliseconds.
        /// </summary>
        public IReadOnlyList<MqttSession> GetSessions()
        {
            return Collect<MqttSession>(user =>
                MqttException.Check(NativeMethods.mqttlink_broker_each_session(handle, EachSession, user)));
        }

        /// <summary>The session of a client; null if it has none.</summary>
        public MqttSession GetSession(string clientId)
        {
            var found = Collect<MqttSession>(user =>
            {
                var status = NativeMethods.mqttlink_broker_session(
                    handle, Text.Required(clientId, nameof(clientId)), EachSession, user);
                if (status != MqttStatus.NotFound)
                {
                    MqttException.Check(status);
                }
            });
            return found.Count == 0 ? null : found[0];
        }

        /// <summary>
        /// Ends the session of a client: if it is connected, its connection is closed; its will is published; its
        /// subscriptions and what waits for it are gone.
        /// </summary>
        /// <returns>Whether there was one.</returns>
        public bool DeleteSession(string clientId)
        {
            MqttException.Check(NativeMethods.mqttlink_broker_delete_session(
                handle, Text.Required(clientId, nameof(clientId)), out var found));
            return found;
        }

        /// <summary>The filters that a client is subscribed to, in no order, with the QoS of each.</summary>
        public IReadOnlyList<KeyValuePair<string, MqttQoS>> GetSubscriptions(string clientId)
        {
            return Collect<KeyValuePair<string, MqttQoS>>(user =>
                MqttException.Check(NativeMethods.mqttlink_broker_each_subscription(
                    handle, Text.Required(clientId, nameof(clientId)), EachSubscription, user)));
        }

        private static List<T> Collect<T>(Action<IntPtr> each)
        {
            var found = new List<T>();
            var user = GCHandle.Alloc(found);
            try
            {
                each(GCHandle.ToIntPtr(user));
                return found;
            }
            finally
            {
                user.Free();
            }
        }

        private static void OnEachSession(IntPtr user, IntPtr broker, IntPtr session)
        {
            try
            {
                var native = Marshal.PtrToStructure<NativeSession>(session);
                BrokerHooks.Target<List<MqttSession>>(user).Add(MqttSession.From(native));
            }
            catch
            {
                // Nothing may get out; only the memory can run out here.
            }
        }

        private static void OnEachSubscription(
            IntPtr user, IntPtr broker, IntPtr filter, int qos, bool noLocal, bool retainAsPublished, int retain)
        {
            try
            {
                BrokerHooks.Target<List<KeyValuePair<string, MqttQoS>>>(user)
                    .Add(new KeyValuePair<string, MqttQoS>(Text.FromNative(filter), (MqttQoS)qos));
            }
            catch
            {
                // As above.
            }
        }
    }
}
