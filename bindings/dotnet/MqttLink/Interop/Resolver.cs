using System;
using System.Collections.Generic;
using System.Net;
using System.Runtime.InteropServices;

namespace MqttLink.Interop
{
    /// <summary>Has a program's function look host names up.</summary>
    internal static class Resolver
    {
        internal static readonly ResolverFunction Function = Resolve;
        internal static readonly FreeFunction Free = FreeUser;

        // EIO of every system: the function of the program has failed, for a reason that is its own.
        private const int Failed = 5;

        private static int Resolve(IntPtr user, IntPtr host, ushort port, IntPtr addresses)
        {
            try
            {
                if (RunningHandles.Exiting)
                {
                    return Failed;
                }
                var look = (Func<string, int, IEnumerable<IPEndPoint>>)GCHandle.FromIntPtr(user).Target;
                foreach (var found in look(Text.FromNative(host), port))
                {
                    var address = Text.ToNative(found.Address.ToString(), "address");
                    MqttException.Check(
                        NativeMethods.mqttlink_addresses_add(addresses, address, (ushort)found.Port));
                }
                return 0;
            }
            catch
            {
                return Failed;
            }
        }

        private static void FreeUser(IntPtr user)
        {
            GCHandle.FromIntPtr(user).Free();
        }
    }
}
