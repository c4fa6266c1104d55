using System;
using System.IO;
using System.Runtime.InteropServices;
using System.Threading.Tasks;

namespace MqttLink.Interop
{
    /// <summary>
    /// A stream of the program's while the library uses it: one thread reads, one at a time writes, any may close.
    /// Nothing that the stream throws gets out.
    /// </summary>
    internal sealed class OpenStream
    {
        // EIO: why is told to the one that notes it.
        internal const int Failed = 5;

        private const int BufferSize = 64 * 1024;

        // So long a write may block before the library's timers want to run.
        private const int PatienceMs = 250;

        // EAGAIN of each system.
        private static readonly int WouldBlock = NativeLibraryFinder.OperatingSystem() == "win" ? 10035
            : NativeLibraryFinder.OperatingSystem() == "osx" ? 35 : 11;

        private readonly Stream stream;
        private readonly Action<Exception> note;
        private readonly byte[] input = new byte[BufferSize];
        private readonly byte[] output = new byte[BufferSize];
        private Task writing = Task.CompletedTask;
        private volatile bool isClosed;

        internal OpenStream(Stream stream, Action<Exception> note)
        {
            this.stream = stream;
            this.note = note;
        }

        internal long Read(IntPtr data, UIntPtr size)
        {
            try
            {
                var count = stream.Read(input, 0, (int)Math.Min((ulong)size, BufferSize));
                Marshal.Copy(input, 0, data, count);
                return count;
            }
            catch (Exception exception)
            {
                return Failure(exception);
            }
        }

        /// <summary>
        /// Takes what fits into the buffer, and waits for the stream to take it, but not longer than the library's timers
        /// can wait: after that it takes nothing until the stream has taken the last piece.
        /// </summary>
        internal long Write(IntPtr data, UIntPtr size)
        {
            try
            {
                if (!writing.Wait(PatienceMs))
                {
                    return -WouldBlock;
                }
                var count = (int)Math.Min((ulong)size, BufferSize);
                Marshal.Copy(data, output, 0, count);
                writing = Send(count);
                writing.Wait(PatienceMs);
                return count;
            }
            catch (Exception exception)
            {
                return Failure(exception);
            }
        }

        internal void Close()
        {
            isClosed = true;
            try
            {
                stream.Dispose();
            }
            catch (Exception exception)
            {
                note(exception);
            }
        }

        private async Task Send(int count)
        {
            await stream.WriteAsync(output, 0, count).ConfigureAwait(false);
            await stream.FlushAsync().ConfigureAwait(false);
        }

        private long Failure(Exception exception)
        {
            // What fails because it was closed tells nothing.
            if (!isClosed)
            {
                note(exception is AggregateException all ? all.InnerException : exception);
            }
            return -Failed;
        }
    }
}
