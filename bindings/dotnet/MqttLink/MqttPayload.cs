using System;
using System.Runtime.InteropServices;
using MqttLink.Interop;

namespace MqttLink
{
    /// <summary>
    /// A payload that is lent to the library instead of copied, for large ones that go out more than once. The array must
    /// not be changed until the payload is disposed and every message with it has left; it stays where it is in memory for
    /// as long.
    /// </summary>
    public sealed class MqttPayload : IDisposable
    {
        private static readonly FreeFunction Release = BrokerHooks.FreeUser;

        /// <summary>Lends an array.</summary>
        public MqttPayload(byte[] data)
        {
            NativeLibraryFinder.Ensure();
            Length = (data ?? throw new ArgumentNullException(nameof(data))).Length;
            var pin = GCHandle.Alloc(data, GCHandleType.Pinned);
            // The library gives it back, also if this fails.
            MqttException.Check(NativeMethods.mqttlink_payload_new(
                pin.AddrOfPinnedObject(), NativeMethods.Size(Length), Release, GCHandle.ToIntPtr(pin),
                out var handle));
            Handle = handle;
        }

        /// <summary>How many bytes it has.</summary>
        public int Length { get; }

        internal PayloadHandle Handle { get; }

        /// <summary>Takes it back; messages that are on their way keep the bytes until they have left.</summary>
        public void Dispose()
        {
            Handle.Dispose();
        }
    }
}
