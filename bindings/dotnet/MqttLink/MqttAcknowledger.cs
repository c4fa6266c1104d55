using System;
using MqttLink.Interop;

namespace MqttLink
{
    /// <summary>
    /// The acknowledgement of one message, to be decided from any thread. Disposed without a decision, the message
    /// stays unacknowledged: the server sends it again when the session is resumed, and counts it against the
    /// receive maximum until then.
    /// </summary>
    public sealed class MqttAcknowledger : IDisposable
    {
        private readonly AcknowledgerHandle handle;

        internal MqttAcknowledger(AcknowledgerHandle handle)
        {
            this.handle = handle;
        }

        /// <summary>The message has been dealt with. Does not block.</summary>
        /// <exception cref="InvalidOperationException">It has been decided already.</exception>
        public void Accept()
        {
            if (!TryAccept())
            {
                throw Decided();
            }
        }

        /// <summary>
        /// The message is refused, with a reason of 0x80 or more that a client may send in PUBACK and PUBREC.
        /// Before MQTT 5.0, which cannot say so, it is acknowledged. Does not block.
        /// </summary>
        /// <exception cref="InvalidOperationException">It has been decided already.</exception>
        /// <exception cref="ArgumentException">The reason is not such a one.</exception>
        public void Reject(MqttReason reason)
        {
            var status = NativeMethods.mqttlink_acknowledger_reject(handle, (int)reason);
            if (status == MqttStatus.InvalidState)
            {
                throw Decided();
            }
            MqttException.Check(status);
        }

        /// <summary>Gives the acknowledgement up, decided or not.</summary>
        public void Dispose()
        {
            handle.Dispose();
        }

        /// <summary>Whether this call has decided.</summary>
        internal bool TryAccept()
        {
            var status = NativeMethods.mqttlink_acknowledger_accept(handle);
            if (status == MqttStatus.InvalidState)
            {
                return false;
            }
            MqttException.Check(status);
            return true;
        }

        private static InvalidOperationException Decided()
        {
            return new InvalidOperationException("the message has been accepted or rejected already");
        }
    }
}
