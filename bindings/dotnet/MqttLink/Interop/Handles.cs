using System;
using System.Runtime.InteropServices;

namespace MqttLink.Interop
{
    /// <summary>What the library has given out and takes back with a function of its own.</summary>
    internal abstract class NativeHandle : SafeHandle
    {
        protected NativeHandle() : base(IntPtr.Zero, true)
        {
        }

        public override bool IsInvalid => handle == IntPtr.Zero;

        /// <summary>The pointer, for calls made while this object is in a using block or known to live.</summary>
        internal IntPtr Pointer => handle;
    }

    internal sealed class OptionsHandle : NativeHandle
    {
        protected override bool ReleaseHandle()
        {
            NativeMethods.mqttlink_options_free(handle);
            return true;
        }
    }

    internal sealed class TlsHandle : NativeHandle
    {
        protected override bool ReleaseHandle()
        {
            NativeMethods.mqttlink_tls_free(handle);
            return true;
        }
    }

    internal sealed class PropertiesHandle : NativeHandle
    {
        protected override bool ReleaseHandle()
        {
            NativeMethods.mqttlink_properties_free(handle);
            return true;
        }
    }

    internal sealed class SubscriptionHandle : NativeHandle
    {
        protected override bool ReleaseHandle()
        {
            NativeMethods.mqttlink_subscription_free(handle);
            return true;
        }
    }

    internal sealed class DeliveryHandle : NativeHandle
    {
        protected override bool ReleaseHandle()
        {
            NativeMethods.mqttlink_delivery_free(handle);
            return true;
        }
    }

    internal sealed class ResultsHandle : NativeHandle
    {
        protected override bool ReleaseHandle()
        {
            NativeMethods.mqttlink_results_free(handle);
            return true;
        }
    }

    internal sealed class GrantedHandle : NativeHandle
    {
        protected override bool ReleaseHandle()
        {
            NativeMethods.mqttlink_granted_free(handle);
            return true;
        }
    }

    internal sealed class DrainedHandle : NativeHandle
    {
        protected override bool ReleaseHandle()
        {
            NativeMethods.mqttlink_drained_free(handle);
            return true;
        }
    }

    internal sealed class MessageHandle : NativeHandle
    {
        protected override bool ReleaseHandle()
        {
            NativeMethods.mqttlink_message_free(handle);
            return true;
        }
    }

    internal sealed class AcknowledgerHandle : NativeHandle
    {
        protected override bool ReleaseHandle()
        {
            NativeMethods.mqttlink_acknowledger_free(handle);
            return true;
        }
    }

    internal sealed class BrokerOptionsHandle : NativeHandle
    {
        protected override bool ReleaseHandle()
        {
            NativeMethods.mqttlink_broker_options_free(handle);
            return true;
        }
    }

    internal sealed class ServerTlsHandle : NativeHandle
    {
        protected override bool ReleaseHandle()
        {
            NativeMethods.mqttlink_server_tls_free(handle);
            return true;
        }
    }

    internal sealed class BrokerSubscriptionHandle : NativeHandle
    {
        protected override bool ReleaseHandle()
        {
            NativeMethods.mqttlink_broker_subscription_free(handle);
            return true;
        }
    }

    internal sealed class TranscriptHandle : NativeHandle
    {
        protected override bool ReleaseHandle()
        {
            NativeMethods.mqttlink_transcript_free(handle);
            return true;
        }
    }

    internal sealed class PayloadHandle : NativeHandle
    {
        protected override bool ReleaseHandle()
        {
            NativeMethods.mqttlink_payload_free(handle);
            return true;
        }
    }

    internal sealed class ScriptHandle : NativeHandle
    {
        protected override bool ReleaseHandle()
        {
            NativeMethods.mqttlink_script_free(handle);
            return true;
        }
    }

    internal sealed class ScriptConnectionHandle : NativeHandle
    {
        protected override bool ReleaseHandle()
        {
            NativeMethods.mqttlink_script_connection_free(handle);
            return true;
        }
    }
}
