using System;
using System.IO;
using System.Text;
using MqttLink.Interop;

namespace MqttLink
{
    /// <summary>
    /// A message from the server. Topic, payload and properties are copies and may be kept; what has to do with
    /// acknowledging and streaming belongs to the handler that got the message, and ends when it returns. A
    /// message from <see cref="MqttClient.Receive()"/> is yours: dispose it, which acknowledges it.
    /// </summary>
    public sealed class MqttMessage : IDisposable
    {
        private readonly MessageHandle owned;
        private MqttProperties read;
        private IntPtr native;
        private MqttAcknowledger manual;

        internal unsafe MqttMessage(IntPtr message, MessageHandle owned, bool manually)
        {
            var view = NativeView.Of(message);
            this.owned = owned;
            native = message;
            Topic = TopicNames.FromNative((byte*)view.Topic, checked((int)view.TopicLen));
            Payload = (ulong)view.PayloadLen == 0
                ? Array.Empty<byte>()
                : Interop.Text.Bytes(view.Payload, view.PayloadLen);
            PayloadLength = (long)(ulong)view.TotalLen;
            QoS = (MqttQoS)view.Qos;
            Retain = view.Retain != 0;
            Duplicate = view.Dup != 0;
            read = view.HasProperties != 0 ? null : MqttProperties.Empty;
            if (manually && QoS != MqttQoS.AtMostOnce)
            {
                manual = TakeAcknowledger();
            }
        }

        /// <summary>The topic name.</summary>
        public string Topic { get; }

        /// <summary>
        /// The payload. Empty if it is longer than <see cref="MqttClientOptions.WithStreamAbove"/> says: then it
        /// is read with <see cref="OpenPayload"/>.
        /// </summary>
        public byte[] Payload { get; }

        /// <summary>How long the payload is, in bytes, whether it is here or comes as a stream.</summary>
        public long PayloadLength { get; }

        /// <summary>The quality of service at which the message was delivered.</summary>
        public MqttQoS QoS { get; }

        /// <summary>Whether the server had kept the message from before the subscription.</summary>
        public bool Retain { get; }

        /// <summary>
        /// Whether the server says that it may have sent the message before; not that this client has seen it.
        /// </summary>
        public bool Duplicate { get; }

        /// <summary>All properties, in order; an empty list before MQTT 5.0.</summary>
        /// <exception cref="InvalidOperationException">
        /// They were not asked for before the handler returned, or the message was disposed.
        /// </exception>
        public MqttProperties Properties
        {
            get
            {
                if (read == null)
                {
                    read = MqttProperties.FromNative(NativeMethods.mqttlink_message_properties(Alive()));
                    GC.KeepAlive(this);
                }
                return read;
            }
        }

        /// <summary>The payload as UTF-8 text; what is not UTF-8 becomes U+FFFD.</summary>
        public string Text => Encoding.UTF8.GetString(Payload);

        /// <summary>
        /// Reads the payload, whether it is in memory or comes as a stream, once from its beginning to its end.
        /// Reading blocks until bytes arrive; later messages wait meanwhile. If the connection is lost before
        /// the end, reading throws an <see cref="IOException"/>, and at QoS 1 and 2 the server sends the
        /// message again.
        /// </summary>
        /// <exception cref="InvalidOperationException">The handler has returned.</exception>
        public Stream OpenPayload()
        {
            return new PayloadReader(this, PayloadLength);
        }

        /// <summary>
        /// Acknowledges the message now, whatever the client's mode. Acknowledgements leave in the order in which
        /// the messages came, so it may wait for those before it. Does nothing at QoS 0 or a second time. Does
        /// not block. With <see cref="MqttAcknowledge.Manually"/> it may be called at any time and on any
        /// thread, otherwise in the handler.
        /// </summary>
        /// <exception cref="InvalidOperationException">The handler has returned.</exception>
        public void Acknowledge()
        {
            if (manual != null)
            {
                manual.TryAccept();
                return;
            }
            MqttException.Check(NativeMethods.mqttlink_message_acknowledge(Alive()));
            GC.KeepAlive(this);
        }

        /// <summary>
        /// Refuses the message with a reason of 0x80 or more. Before MQTT 5.0, which cannot say so, it is
        /// acknowledged. Does not block. Where it may be called: as <see cref="Acknowledge"/>.
        /// </summary>
        /// <exception cref="InvalidOperationException">
        /// The handler has returned, the message has QoS 0, or was acknowledged.
        /// </exception>
        public void Reject(MqttReason reason)
        {
            (manual ?? TakeAcknowledger()).Reject(reason);
        }

        /// <summary>
        /// Takes over the acknowledgement, to be sent later from any thread. In the handler, or before the message
        /// is disposed.
        /// </summary>
        /// <exception cref="InvalidOperationException">
        /// The handler has returned, the message has QoS 0, or its acknowledgement has been taken or sent.
        /// </exception>
        public MqttAcknowledger TakeAcknowledger()
        {
            if (manual != null)
            {
                var taken = manual;
                manual = null;
                return taken;
            }
            var status = NativeMethods.mqttlink_message_acknowledger(Alive(), out var acknowledger);
            GC.KeepAlive(this);
            if (status == MqttStatus.NotFound)
            {
                throw new InvalidOperationException(
                    "the message has QoS 0, or its acknowledgement has been taken or sent already");
            }
            MqttException.Check(status);
            return new MqttAcknowledger(acknowledger);
        }

        /// <summary>
        /// Gives back a message from <see cref="MqttClient.Receive()"/>, which acknowledges it unless that is done
        /// by hand. For the message of a handler it does nothing.
        /// </summary>
        public void Dispose()
        {
            if (owned != null)
            {
                native = IntPtr.Zero;
                owned.Dispose();
            }
        }

        /// <summary>The handler has returned: the library's message is gone.</summary>
        internal void Detach()
        {
            native = IntPtr.Zero;
        }

        internal unsafe int Read(byte[] buffer, int offset, int count)
        {
            fixed (byte* data = buffer)
            {
                var status = NativeMethods.mqttlink_message_read(
                    Alive(), data + offset, NativeMethods.Size(count), out var done);
                GC.KeepAlive(this);
                if (status != MqttStatus.Ok)
                {
                    throw new IOException("the payload did not come to its end", MqttException.Last(status));
                }
                return (int)done;
            }
        }

        private IntPtr Alive()
        {
            if (native == IntPtr.Zero)
            {
                throw new InvalidOperationException(
                    "the handler that got this message has returned, or the message was disposed; take what is "
                    + "needed later, such as Properties or TakeAcknowledger(), while it is there");
            }
            return native;
        }
    }
}
