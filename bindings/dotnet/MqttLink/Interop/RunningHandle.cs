using System.Runtime.InteropServices;
using System.Threading;

namespace MqttLink.Interop
{
    /// <summary>
    /// Something with threads. <see cref="Free"/> ends it at once, also while other threads are in its calls, which
    /// return then; the pointer itself is given up when the last of them is out.
    /// </summary>
    internal abstract class RunningHandle : NativeHandle
    {
        private int freed;
        private GCHandle user;

        /// <summary>What the callbacks are given, freed when none can run any more; it may be empty.</summary>
        internal void Own(GCHandle given)
        {
            user = given;
            RunningHandles.Add(this, handle);
        }

        /// <summary>Frees what is behind the handle; waits for callbacks on other threads.</summary>
        internal void Free()
        {
            if (Interlocked.Exchange(ref freed, 1) == 0)
            {
                FreeNative();
                RunningHandles.Remove(handle);
            }
        }

        protected abstract void FreeNative();

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

    internal sealed class ClientHandle : RunningHandle
    {
        protected override void FreeNative()
        {
            NativeMethods.mqttlink_client_free(handle);
        }
    }

    internal sealed class BrokerHandle : RunningHandle
    {
        protected override void FreeNative()
        {
            NativeMethods.mqttlink_broker_free(handle);
        }
    }
}
