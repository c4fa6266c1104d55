using System;
using System.IO;
using System.Runtime.InteropServices;

namespace MqttLink.Interop
{
    /// <summary>
    /// Has the program open the streams that one client's packets go over. The library keeps this object, not the
    /// client.
    /// </summary>
    internal sealed class StreamTransport
    {
        private static readonly OpenFunction Opener = OnOpen;
        private static readonly ReadFunction Reader = OnRead;
        private static readonly WriteFunction Writer = OnWrite;
        private static readonly CloseFunction Closer = OnClose;
        private static readonly FreeFunction Free = OnFree;

        private readonly Func<string, int, TimeSpan, Stream> open;
        private volatile Exception thrown;

        internal StreamTransport(Func<string, int, TimeSpan, Stream> open)
        {
            this.open = open;
        }

        /// <summary>What the program, or a stream of its own, has thrown since this was last asked; null if nothing.</summary>
        internal Exception TakeThrown()
        {
            var last = thrown;
            thrown = null;
            return last;
        }

        /// <summary>Has the next client that is made with these options use it.</summary>
        internal void Register(OptionsHandle options)
        {
            // Given back by the library, also if it refuses.
            var user = GCHandle.ToIntPtr(GCHandle.Alloc(this));
            MqttException.Check(NativeMethods.mqttlink_options_set_transport(
                options, Opener, Reader, Writer, Closer, Free, user, Free));
        }

        private static int OnOpen(IntPtr user, IntPtr host, ushort port, long timeoutMs, out IntPtr stream)
        {
            stream = IntPtr.Zero;
            StreamTransport transport = null;
            try
            {
                transport = (StreamTransport)GCHandle.FromIntPtr(user).Target;
                if (RunningHandles.Exiting)
                {
                    return OpenStream.Failed;
                }
                transport.thrown = null;
                var limit = TimeSpan.FromMilliseconds(Math.Min(timeoutMs, int.MaxValue));
                var opened = transport.open(Text.FromNative(host), port, limit) ?? throw new InvalidOperationException(
                    "the function given to WithTransport has returned no stream");
                stream = GCHandle.ToIntPtr(GCHandle.Alloc(new OpenStream(opened, transport.Note)));
                return 0;
            }
            catch (Exception exception)
            {
                transport?.Note(exception);
                return OpenStream.Failed;
            }
        }

        private static long OnRead(IntPtr stream, IntPtr data, UIntPtr size)
        {
            return Target(stream).Read(data, size);
        }

        private static long OnWrite(IntPtr stream, IntPtr data, UIntPtr size)
        {
            return Target(stream).Write(data, size);
        }

        private static void OnClose(IntPtr stream)
        {
            Target(stream).Close();
        }

        private static void OnFree(IntPtr pointer)
        {
            GCHandle.FromIntPtr(pointer).Free();
        }

        private static OpenStream Target(IntPtr stream)
        {
            return (OpenStream)GCHandle.FromIntPtr(stream).Target;
        }

        private void Note(Exception exception)
        {
            thrown = exception;
        }
    }
}
