using System;
using MqttLink.Interop;

namespace MqttLink
{
    /// <summary>
    /// The way of one message. QoS 0 is done when the message is in the socket, QoS 1 and 2 when the server has
    /// acknowledged it. Any thread may use it. Disposing it changes nothing for the message.
    /// </summary>
    public sealed class MqttDelivery : IDisposable
    {
        private readonly DeliveryHandle handle;

        // Whoever waits for the outcome keeps the client that brings it.
        private readonly MqttClient client;

        internal MqttDelivery(DeliveryHandle handle, MqttClient client)
        {
            this.handle = handle;
            this.client = client;
        }

        /// <summary>Whether there is an outcome. Does not wait.</summary>
        public bool IsDone => NativeMethods.mqttlink_delivery_is_done(handle);

        /// <summary>
        /// Waits for the outcome, at most the client's response timeout. May be called from any thread, also in
        /// handlers, and again after a timeout or a lost connection.
        /// </summary>
        /// <exception cref="MqttException">
        /// The server has refused the message, or it was given up. Or there is no outcome yet: the time is up
        /// (<see cref="MqttStatus.TimeoutAck"/>), or there is no connection; a message of QoS 1 or 2 is then
        /// sent again when the client reconnects.
        /// </exception>
        public MqttPublishResult Wait()
        {
            return Wait(Limits.Default);
        }

        /// <summary>As <see cref="Wait()"/>, at most so long.</summary>
        /// <param name="timeout">How long; <see cref="System.Threading.Timeout.InfiniteTimeSpan"/> for ever.</param>
        public MqttPublishResult Wait(TimeSpan timeout)
        {
            return Wait(Limits.Milliseconds(timeout, nameof(timeout)));
        }

        /// <summary>Gives the delivery back.</summary>
        public void Dispose()
        {
            handle.Dispose();
        }

        private MqttPublishResult Wait(long milliseconds)
        {
            MqttException.Check(NativeMethods.mqttlink_delivery_wait(handle, milliseconds));
            var reason = NativeMethods.mqttlink_delivery_reason(handle);
            var properties =
                MqttProperties.FromNative(NativeMethods.mqttlink_delivery_properties(handle));
            GC.KeepAlive(client);
            return new MqttPublishResult(reason, properties);
        }
    }

    /// <summary>What became of a message that the server has taken, or that is in the socket at QoS 0.</summary>
    public sealed class MqttPublishResult
    {
        internal MqttPublishResult(int reason, MqttProperties properties)
        {
            Reason = reason < 0 ? MqttReason.Success : (MqttReason)reason;
            Properties = properties;
        }

        /// <summary>
        /// What the server said: <see cref="MqttReason.Success"/>, or
        /// <see cref="MqttReason.NoMatchingSubscribers"/> in MQTT 5.0.
        /// </summary>
        public MqttReason Reason { get; }

        /// <summary>
        /// The properties of the acknowledgement, in MQTT 5.0. Only from <see cref="MqttDelivery.Wait()"/>;
        /// otherwise an empty list.
        /// </summary>
        public MqttProperties Properties { get; }
    }
}
