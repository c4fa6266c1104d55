using System;
using System.Threading;
using System.Threading.Tasks;
using MqttLink.Interop;

namespace MqttLink
{
    public sealed partial class MqttClient
    {
        // How soon a cancelled ReceiveAsync gives its thread back. To interrupt it would wake every call of the client.
        private const long Slice = 100;

        /// <summary>
        /// Waits for the next message that no subscription's handler takes, until there is one or there is no
        /// connection any more. Several threads may wait; each message goes to one of them. Disposing the message
        /// acknowledges it.
        /// </summary>
        /// <exception cref="InvalidOperationException">
        /// The options were without <see cref="MqttClientOptions.WithReceive"/>: messages go to
        /// <see cref="MessageReceived"/>.
        /// </exception>
        /// <exception cref="MqttException">Why there is no connection.</exception>
        public MqttMessage Receive()
        {
            MqttException.Check(ReceiveNative(Limits.Forever, out var message));
            return message;
        }

        /// <summary>As <see cref="Receive()"/>, at most so long; zero does not wait.</summary>
        /// <returns>Whether a message came in time.</returns>
        public bool TryReceive(TimeSpan timeout, out MqttMessage message)
        {
            var status = ReceiveNative(Limits.Milliseconds(timeout, nameof(timeout)), out message);
            if (status != MqttStatus.TimeoutReceive)
            {
                MqttException.Check(status);
            }
            return status == MqttStatus.Ok;
        }

        /// <summary>
        /// The next message, as <see cref="Receive()"/>. If one is there the task is done at once; otherwise a
        /// thread waits for it, which looks every 100 ms whether the token is cancelled, if it can be. Cancelled, no
        /// message is taken.
        /// </summary>
        public Task<MqttMessage> ReceiveAsync(CancellationToken cancellation = default)
        {
            if (cancellation.IsCancellationRequested)
            {
                return Task.FromCanceled<MqttMessage>(cancellation);
            }
            if (TryReceive(TimeSpan.Zero, out var message))
            {
                return Task.FromResult(message);
            }
            return OwnThread.Run("mqttlink receive", () => ReceiveUntil(cancellation));
        }

        private MqttMessage ReceiveUntil(CancellationToken cancellation)
        {
            var slice = cancellation.CanBeCanceled ? Slice : Limits.Forever;
            while (true)
            {
                cancellation.ThrowIfCancellationRequested();
                var status = ReceiveNative(slice, out var message);
                if (status == MqttStatus.Ok)
                {
                    return message;
                }
                if (status != MqttStatus.TimeoutReceive)
                {
                    MqttException.Check(status);
                }
            }
        }

        private MqttStatus ReceiveNative(long milliseconds, out MqttMessage message)
        {
            if (!pulls)
            {
                throw new InvalidOperationException(
                    "this client's messages go to MessageReceived; to receive them by calls, make it with "
                    + "MqttClientOptions.WithReceive()");
            }
            var status = NativeMethods.mqttlink_client_receive(handle, milliseconds, out var native);
            message = status == MqttStatus.Ok
                ? new MqttMessage(native.Pointer, native, acknowledge == MqttAcknowledge.Manually)
                : null;
            return status;
        }
    }
}
