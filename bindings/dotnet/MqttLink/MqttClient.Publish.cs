using System;
using System.IO;
using System.Runtime.InteropServices;
using MqttLink.Interop;

namespace MqttLink
{
    public sealed partial class MqttClient
    {
        /// <summary>
        /// Publishes a message. If the outgoing buffer or the window of messages in flight is full, or the
        /// connection is just being made, it waits for room, at most the publish timeout. It does not wait for the
        /// outcome: <see cref="MqttDelivery.Wait()"/> does. Messages of one thread leave in the order of its calls.
        /// </summary>
        /// <exception cref="ArgumentException">The topic or a property breaks the rules.</exception>
        /// <exception cref="MqttException">
        /// There is no connection, no room in time, or the server has said that it does not take such a message,
        /// which does not touch the connection.
        /// </exception>
        public MqttDelivery Publish(MqttPublication message)
        {
            return Publish(message, Limits.Default);
        }

        /// <summary>As <see cref="Publish(MqttPublication)"/>, waiting for room at most so long.</summary>
        public MqttDelivery Publish(MqttPublication message, TimeSpan timeout)
        {
            return Publish(message, Limits.Milliseconds(timeout, nameof(timeout)));
        }

        /// <summary>As <see cref="Publish(MqttPublication)"/>.</summary>
        public MqttDelivery Publish(
            string topic, byte[] payload, MqttQoS qos = MqttQoS.AtMostOnce, bool retain = false)
        {
            return Publish(new MqttPublication(topic, payload) { QoS = qos, Retain = retain });
        }

        /// <summary>As <see cref="Publish(MqttPublication)"/>, with text as UTF-8.</summary>
        public MqttDelivery Publish(
            string topic, string text, MqttQoS qos = MqttQoS.AtMostOnce, bool retain = false)
        {
            return Publish(new MqttPublication(topic, text) { QoS = qos, Retain = retain });
        }

        /// <summary>
        /// Publishes a message if there is room for it now; never waits. The outcome of a message that was taken is
        /// in <paramref name="delivery"/>.
        /// </summary>
        /// <returns>Whether there was room.</returns>
        /// <exception cref="MqttException">As <see cref="Publish(MqttPublication)"/>.</exception>
        public unsafe bool TryPublish(MqttPublication message, out MqttDelivery delivery)
        {
            using (var native = new Outgoing(message))
            {
                fixed (byte* data = native.Array)
                {
                    var status = NativeMethods.mqttlink_client_try_publish(
                        handle, native.Topic, data + native.Offset, native.Length, native.QoS, native.Retain,
                        native.Properties, out var taken);
                    delivery = status == MqttStatus.Ok ? new MqttDelivery(taken, this) : null;
                    if (!IsFull(status))
                    {
                        MqttException.Check(status);
                    }
                    return status == MqttStatus.Ok;
                }
            }
        }

        /// <summary>
        /// Publishes a message as <see cref="Publish(MqttPublication)"/>, for whoever does not want to know the
        /// outcome.
        /// </summary>
        public unsafe void Send(MqttPublication message)
        {
            using (var native = new Outgoing(message))
            {
                fixed (byte* data = native.Array)
                {
                    MqttException.Check(NativeMethods.mqttlink_client_publish(
                        handle, native.Topic, data + native.Offset, native.Length, native.QoS, native.Retain,
                        native.Properties, IntPtr.Zero));
                }
            }
        }

        /// <summary>
        /// Publishes a message as <see cref="Publish(MqttPublication)"/>; the outcome raises
        /// <see cref="Published"/> with the number that this returns, perhaps before it has returned.
        /// </summary>
        /// <returns>A number; never 0, never twice.</returns>
        public ulong Post(MqttPublication message)
        {
            MqttException.Check(PostNative(message, Limits.Default, out var id));
            published.Ignore(id);
            return id;
        }

        /// <summary>
        /// As <see cref="Post"/>, but never waits: if there is no room now the message is not taken.
        /// </summary>
        /// <returns>The number of the message; 0 if there was no room.</returns>
        public ulong TryPost(MqttPublication message)
        {
            var status = PostNative(message, 0, out var id);
            if (IsFull(status))
            {
                return 0;
            }
            MqttException.Check(status);
            published.Ignore(id);
            return id;
        }

        /// <summary>
        /// Publishes a message whose payload of exactly <paramref name="length"/> bytes is read from a stream, on
        /// this thread, a piece at a time. Blocks until all of it has been handed to the connection. Meanwhile
        /// everything else that this client sends waits behind it, so the stream must keep pace with the keep
        /// alive. The payload is not kept: if the connection is lost, the message cannot be sent again.
        /// </summary>
        /// <param name="message">The message; its own payload is not used.</param>
        /// <param name="source">Where the payload comes from.</param>
        /// <param name="length">How many bytes it has.</param>
        /// <exception cref="IOException">
        /// The stream has thrown or ended early; the connection is ended, since half a message cannot be taken back.
        /// </exception>
        public MqttDelivery Publish(MqttPublication message, Stream source, long length)
        {
            var reading = new PayloadSource(source ?? throw new ArgumentNullException(nameof(source)));
            var user = GCHandle.Alloc(reading);
            DeliveryHandle delivery = null;
            MqttStatus status;
            try
            {
                using (var native = new Outgoing(message))
                {
                    status = NativeMethods.mqttlink_client_publish_source(
                        handle, native.Topic, Limits.Bytes(length, nameof(length)), native.QoS, native.Retain,
                        native.Properties, PayloadSource.Function, GCHandle.ToIntPtr(user), out delivery);
                }
            }
            finally
            {
                user.Free();
            }
            if (status == MqttStatus.PayloadSource)
            {
                var failure = MqttException.Last(status);
                throw new IOException(failure.Message, reading.Thrown ?? failure);
            }
            MqttException.Check(status);
            return new MqttDelivery(delivery, this);
        }

        /// <summary>
        /// As <see cref="Publish(MqttPublication)"/>, with a payload that is not copied.
        /// </summary>
        /// <param name="message">The message; its own payload is not used.</param>
        /// <param name="payload">The payload, which may be disposed as soon as this returns.</param>
        public MqttDelivery Publish(MqttPublication message, MqttPayload payload)
        {
            var lent = (payload ?? throw new ArgumentNullException(nameof(payload))).Handle;
            using (var native = new Outgoing(message))
            {
                MqttException.Check(NativeMethods.mqttlink_client_publish_payload(
                    handle, native.Topic, lent, native.QoS, native.Retain, native.Properties, Limits.Default,
                    out var delivery));
                return new MqttDelivery(delivery, this);
            }
        }

        private static bool IsFull(MqttStatus status)
        {
            return status == MqttStatus.WindowFull || status == MqttStatus.BufferFull
                || status == MqttStatus.NoPacketId;
        }

        private unsafe MqttDelivery Publish(MqttPublication message, long milliseconds)
        {
            using (var native = new Outgoing(message))
            {
                fixed (byte* data = native.Array)
                {
                    MqttException.Check(NativeMethods.mqttlink_client_publish_timeout(
                        handle, native.Topic, data + native.Offset, native.Length, native.QoS, native.Retain,
                        native.Properties, milliseconds, out var delivery));
                    return new MqttDelivery(delivery, this);
                }
            }
        }

        private unsafe MqttStatus PostNative(MqttPublication message, long milliseconds, out ulong id)
        {
            using (var native = new Outgoing(message))
            {
                fixed (byte* data = native.Array)
                {
                    return NativeMethods.mqttlink_client_publish_event_timeout(
                        handle, native.Topic, data + native.Offset, native.Length, native.QoS, native.Retain,
                        native.Properties, milliseconds, out id);
                }
            }
        }
    }
}
