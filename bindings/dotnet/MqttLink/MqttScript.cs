using System;
using MqttLink.Interop;

namespace MqttLink
{
    /// <summary>
    /// A server for tests that does what the test says, byte by byte: for what no correct broker does. Listens on a free
    /// port of 127.0.0.1.
    /// </summary>
    public sealed class MqttScript : IDisposable
    {
        private readonly ScriptHandle handle;

        /// <summary>Begins to listen.</summary>
        public MqttScript()
        {
            NativeLibraryFinder.Ensure();
            MqttException.Check(NativeMethods.mqttlink_script_start(out handle));
        }

        /// <summary>The port on which it listens.</summary>
        public int Port => NativeMethods.mqttlink_script_port(handle);

        /// <summary>Waits for a client that speaks this version, at most so long.</summary>
        /// <exception cref="MqttException">None came in time.</exception>
        public MqttScriptConnection Accept(MqttProtocol protocol, TimeSpan timeout)
        {
            MqttException.Check(NativeMethods.mqttlink_script_accept(
                handle, (int)protocol, Limits.Milliseconds(timeout, nameof(timeout)), out var connection));
            return new MqttScriptConnection(connection);
        }

        /// <summary>Ends the listener; its connections stay. No other thread may be in <see cref="Accept"/>.</summary>
        public void Dispose()
        {
            handle.Dispose();
        }
    }

    /// <summary>One connection of an <see cref="MqttScript"/>. Each wait is at most a few seconds long.</summary>
    public sealed class MqttScriptConnection : IDisposable
    {
        private readonly ScriptConnectionHandle handle;

        internal MqttScriptConnection(ScriptConnectionHandle handle)
        {
            this.handle = handle;
        }

        /// <summary>Sends exactly these bytes.</summary>
        public unsafe void Send(params byte[] data)
        {
            fixed (byte* start = data ?? throw new ArgumentNullException(nameof(data)))
            {
                MqttException.Check(NativeMethods.mqttlink_script_connection_send(
                    handle, start, NativeMethods.Size(data.Length)));
            }
        }

        /// <summary>Waits for as many bytes as these, which they must be.</summary>
        /// <exception cref="MqttException">Others came, or none.</exception>
        public unsafe void Expect(params byte[] data)
        {
            fixed (byte* start = data ?? throw new ArgumentNullException(nameof(data)))
            {
                MqttException.Check(NativeMethods.mqttlink_script_connection_expect(
                    handle, start, NativeMethods.Size(data.Length)));
            }
        }

        /// <summary>
        /// Waits for a packet: one line that begins with its name, without payload, password and authentication data.
        /// </summary>
        public string ExpectPacket()
        {
            MqttException.Check(NativeMethods.mqttlink_script_connection_expect_packet(handle, out var line));
            var text = Text.FromNative(line);
            GC.KeepAlive(this);
            return text;
        }

        /// <summary>Waits until the client has closed the connection, without another byte.</summary>
        public void ExpectEnd()
        {
            MqttException.Check(NativeMethods.mqttlink_script_connection_expect_end(handle));
        }

        /// <summary>Closes the connection.</summary>
        public void Dispose()
        {
            handle.Dispose();
        }
    }
}
