using System;
using MqttLink.Interop;

namespace MqttLink
{
    /// <summary>Messages inside a broker that match a filter, for the program itself.</summary>
    public sealed class MqttBrokerSubscription : IDisposable
    {
        private static readonly BrokerMessageFunction Message = OnMessage;

        private readonly BrokerSubscriptionHandle handle;

        private MqttBrokerSubscription(BrokerSubscriptionHandle handle)
        {
            this.handle = handle;
        }

        /// <summary>The next message, at most so long; zero does not wait.</summary>
        /// <returns>Whether one came in time.</returns>
        /// <exception cref="MqttException">
        /// The broker has stopped, or the subscription has a handler.
        /// </exception>
        public bool TryReceive(TimeSpan timeout, out MqttMessage message)
        {
            var status = NativeMethods.mqttlink_broker_subscription_receive(
                handle, Limits.Milliseconds(timeout, nameof(timeout)), out var native);
            if (status != MqttStatus.TimeoutReceive)
            {
                MqttException.Check(status);
            }
            message = status == MqttStatus.Ok ? new MqttMessage(native.Pointer, native, false) : null;
            return message != null;
        }

        /// <summary>The next message, which has to come within so long.</summary>
        /// <exception cref="MqttException">
        /// None came in time; in a broker for tests the text shows the last packets.
        /// </exception>
        public MqttMessage Receive(TimeSpan timeout)
        {
            MqttException.Check(NativeMethods.mqttlink_broker_subscription_receive(
                handle, Limits.Milliseconds(timeout, nameof(timeout)), out var native));
            return new MqttMessage(native.Pointer, native, false);
        }

        /// <summary>
        /// Ends the subscription, also inside its own handler. When it returns, the handler does not run any more;
        /// inside the handler, that run is the last. No other thread may be waiting in it.
        /// </summary>
        public void Dispose()
        {
            handle.Dispose();
        }

        internal static MqttBrokerSubscription Start(
            BrokerHandle broker, string filter, Action<MqttMessage> handler)
        {
            var text = Text.Required(filter, nameof(filter));
            var user = handler == null ? IntPtr.Zero : BrokerHooks.User(handler);
            // The library frees the pointer, also if this fails.
            MqttException.Check(NativeMethods.mqttlink_broker_subscribe(
                broker, text, handler == null ? null : Message, user, BrokerHooks.FreeUser, out var handle));
            return new MqttBrokerSubscription(handle);
        }

        private static void OnMessage(IntPtr user, IntPtr broker, IntPtr message)
        {
            try
            {
                if (!RunningHandles.Exiting)
                {
                    var copy = new MqttMessage(message, null, false);
                    BrokerHooks.Target<Action<MqttMessage>>(user)(copy);
                    copy.Detach();
                }
            }
            catch
            {
                // Nothing may get out, and there is nobody to tell.
            }
        }
    }
}
