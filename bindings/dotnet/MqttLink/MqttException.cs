using System;
using MqttLink.Interop;

namespace MqttLink
{
    /// <summary>
    /// An operation of a client or broker failed, or a connection ended. <see cref="Exception.Message"/> is one
    /// line: what failed, at which host, why, and what to try.
    /// </summary>
    public sealed class MqttException : Exception
    {
        private MqttException(string message, MqttStatus status, Exception inner) : base(message, inner)
        {
            Status = status;
            Properties = MqttProperties.Empty;
        }

        /// <summary>What failed; numbers never change their meaning.</summary>
        public MqttStatus Status { get; private set; }

        /// <summary>Where it failed: in this process, looking up the name, on the socket, in TLS, in MQTT.</summary>
        public MqttStage Stage { get; private set; }

        /// <summary>The operating system's error number (errno); 0 if it does not come from there.</summary>
        public int OSCode { get; private set; }

        /// <summary>What the server said; null if it said nothing.</summary>
        public MqttReason? Reason { get; private set; }

        /// <summary>The server's explanation, in MQTT 5.0; null if there is none.</summary>
        public string ReasonString { get; private set; }

        /// <summary>Where else to connect, if the server said so, in MQTT 5.0; null otherwise.</summary>
        public string ServerReference { get; private set; }

        /// <summary>The properties of the packet with which the server refused; often empty, never null.</summary>
        public MqttProperties Properties { get; private set; }

        /// <summary>Whether a deadline came.</summary>
        public bool IsTimeout { get; private set; }

        /// <summary>Whether the server said no.</summary>
        public bool IsRefused { get; private set; }

        /// <summary>Whether there is no connection, or it ended.</summary>
        public bool IsDisconnected { get; private set; }

        /// <summary>Whether there is no room to publish at the moment.</summary>
        public bool IsFull { get; private set; }

        /// <summary>Whether the same call can succeed later without anything being changed.</summary>
        public bool IsRetryable { get; private set; }

        /// <summary>A failure that this assembly has found by itself.</summary>
        internal static MqttException Local(MqttStatus status, string message, Exception inner = null)
        {
            return new MqttException(message, status, inner);
        }

        /// <summary>What the server has said no to in an answer with one result.</summary>
        internal static MqttException Refused(MqttStatus status, string message, MqttResults results)
        {
            var reason = Text.FromNative(NativeMethods.mqttlink_reason_text((int)results.Reasons[0]));
            var said = results.Properties.ReasonString;
            var text = message + ": " + reason + (said == null ? "" : ", " + said);
            return new MqttException(text, status, null)
            {
                Stage = MqttStage.Mqtt,
                Reason = results.Reasons[0],
                ReasonString = said,
                Properties = results.Properties,
                IsRefused = true,
            };
        }

        /// <summary>This failure with the exception that was its reason.</summary>
        internal MqttException Because(Exception inner)
        {
            return new MqttException(Message + ": " + inner.Message, Status, inner)
            {
                Stage = Stage,
                OSCode = OSCode,
                Reason = Reason,
                ReasonString = ReasonString,
                ServerReference = ServerReference,
                Properties = Properties,
                IsTimeout = IsTimeout,
                IsRefused = IsRefused,
                IsDisconnected = IsDisconnected,
                IsFull = IsFull,
                IsRetryable = IsRetryable,
            };
        }

        /// <summary>A copy of what the library says about a failure; null for NULL.</summary>
        internal static MqttException From(IntPtr error)
        {
            if (error == IntPtr.Zero)
            {
                return null;
            }
            var reason = NativeMethods.mqttlink_error_reason(error);
            return new MqttException(
                Text.FromNative(NativeMethods.mqttlink_error_message(error)),
                NativeMethods.mqttlink_error_status(error), null)
            {
                Stage = NativeMethods.mqttlink_error_stage(error),
                OSCode = NativeMethods.mqttlink_error_os_code(error),
                Reason = reason < 0 ? (MqttReason?)null : (MqttReason)reason,
                ReasonString = Text.FromNative(NativeMethods.mqttlink_error_reason_string(error)),
                ServerReference = Text.FromNative(NativeMethods.mqttlink_error_server_reference(error)),
                Properties = MqttProperties.FromNative(NativeMethods.mqttlink_error_properties(error)),
                IsTimeout = NativeMethods.mqttlink_error_is_timeout(error),
                IsRefused = NativeMethods.mqttlink_error_is_refused(error),
                IsDisconnected = NativeMethods.mqttlink_error_is_disconnected(error),
                IsFull = NativeMethods.mqttlink_error_is_full(error),
                IsRetryable = NativeMethods.mqttlink_error_is_retryable(error),
            };
        }

        /// <summary>The failure that the last call of this thread has returned.</summary>
        internal static MqttException Last(MqttStatus status)
        {
            var error = From(NativeMethods.mqttlink_last_error());
            return error != null && error.Status == status
                ? error
                : Local(status, Text.FromNative(NativeMethods.mqttlink_status_text((int)status)) ?? status.ToString());
        }

        /// <summary>Throws what a call has returned, unless it is success.</summary>
        /// <exception cref="ArgumentException">An argument cannot be used.</exception>
        /// <exception cref="ObjectDisposedException">The object has been disposed.</exception>
        /// <exception cref="MqttException">Everything else.</exception>
        internal static void Check(MqttStatus status)
        {
            if (status != MqttStatus.Ok)
            {
                throw Last(status).Suited();
            }
        }

        /// <summary>This failure as the exception that programs expect for it.</summary>
        internal Exception Suited()
        {
            if (Status == MqttStatus.Freed)
            {
                return new ObjectDisposedException(nameof(MqttClient), Message);
            }
            var argument = Status > MqttStatus.Ok && Status <= MqttStatus.Number
                || Status >= MqttStatus.InvalidUrl && Status <= MqttStatus.InvalidArgument;
            return argument ? new ArgumentException(Message, this) : (Exception)this;
        }
    }
}
