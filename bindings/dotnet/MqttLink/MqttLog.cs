using System;
using MqttLink.Interop;

namespace MqttLink
{
    /// <summary>
    /// The log of the library, for all clients and brokers of the process. Payloads, passwords and authentication data
    /// are never in it. Nothing is logged anywhere as long as <see cref="Level"/> is
    /// <see cref="MqttLogLevel.Off"/>.
    /// </summary>
    public static class MqttLog
    {
        private static readonly HandlerList<MqttLogEventArgs> Handlers = new HandlerList<MqttLogEventArgs>();
        private static readonly LogFunction Function = OnLine;
        private static readonly object Gate = new object();
        private static MqttLogLevel level;

        /// <summary>
        /// A line. Runs on a thread of its own, and may call everything; what it throws is ignored. If it does not
        /// keep up, lines are left out.
        /// </summary>
        public static event EventHandler<MqttLogEventArgs> Logged
        {
            add => Handlers.Add(value);
            remove => Handlers.Remove(value);
        }

        /// <summary>How much is logged. Default: <see cref="MqttLogLevel.Off"/>.</summary>
        public static MqttLogLevel Level
        {
            get => level;
            set
            {
                NativeLibraryFinder.Ensure();
                lock (Gate)
                {
                    var function = value == MqttLogLevel.Off ? null : Function;
                    MqttException.Check(NativeMethods.mqttlink_log_set(function, (int)value, IntPtr.Zero, null));
                    level = value;
                }
            }
        }

        private static void OnLine(IntPtr user, int number, IntPtr text)
        {
            try
            {
                if (!RunningHandles.Exiting)
                {
                    var line = new MqttLogEventArgs((MqttLogLevel)number, Text.FromNative(text));
                    Handlers.Raise(null, line, ignored => { });
                }
            }
            catch
            {
                // Nothing may get out; a line that cannot be shown is lost.
            }
        }
    }
}
