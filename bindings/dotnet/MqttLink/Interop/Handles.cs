using System;
using System.Runtime.InteropServices;
using System.Threading;

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

    /// <summary>
    /// A client. <see cref="Free"/> ends it at once, also while other threads are in its calls, which return
    /// then; the pointer itself is given up when the last of them is out.
    /// </summary>
    internal sealed class ClientHandle : NativeHandle
    {
        private int freed;
        private GCHandle user;

        /// <summary>What the client's callbacks are given; freed when none can run any more.</summary>
        internal void Own(GCHandle given)
        {
            user = given;
            RunningClients.Add(this, handle);
        }

        /// <summary>Frees the client behind the handle; waits for callbacks on other threads.</summary>
        internal void Free()
        {
            if (Interlocked.Exchange(ref freed, 1) == 0)
            {
                NativeMethods.mqttlink_client_free(handle);
                RunningClients.Remove(handle);
            }
        }

        protected override bool ReleaseHandle()
        {
            Free();
            if (user.IsAllocated)
            {
                user.Free();
            }
            return true;
        }
    }
}
