using System;
using System.IO;
using System.Runtime.InteropServices;

namespace MqttLink.Interop
{
    /// <summary>
    /// Has the library read a payload from a stream. Runs inside the call that publishes, through which nothing may
    /// be thrown.
    /// </summary>
    internal sealed class PayloadSource
    {
        internal static readonly SourceFunction Function = Read;

        // EIO: why is in Thrown.
        private const long Failed = -5;

        private readonly Stream stream;
        private byte[] buffer = Array.Empty<byte>();

        internal PayloadSource(Stream stream)
        {
            this.stream = stream;
        }

        /// <summary>What the stream has thrown; null if nothing.</summary>
        internal Exception Thrown { get; private set; }

        private static long Read(IntPtr user, IntPtr data, UIntPtr size)
        {
            var source = (PayloadSource)GCHandle.FromIntPtr(user).Target;
            try
            {
                var wanted = (int)Math.Min((ulong)size, 1 << 20);
                if (source.buffer.Length < wanted)
                {
                    source.buffer = new byte[wanted];
                }
                var read = source.stream.Read(source.buffer, 0, wanted);
                Marshal.Copy(source.buffer, 0, data, read);
                return read;
            }
            catch (Exception exception)
            {
                source.Thrown = exception;
                return Failed;
            }
        }
    }
}
