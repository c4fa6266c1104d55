using System;
using MqttLink;

namespace uPLibrary.Networking.M2Mqtt.Utility
{
    /// <summary>How much the trace says; the numbers can be added.</summary>
    [Flags]
    public enum TraceLevel
    {
        /// <summary>What makes no progress without somebody's help.</summary>
        Error = 0x01,

        /// <summary>Lost connections, failed attempts.</summary>
        Warning = 0x02,

        /// <summary>Connections that come and go.</summary>
        Information = 0x04,

        /// <summary>All of these, and what the threads do.</summary>
        Verbose = 0x0F,

        /// <summary>Every packet, without payloads and passwords.</summary>
        Frame = 0x10,

        /// <summary>Nothing of its own any more: the library has no queues that need watching.</summary>
        Queuing = 0x20
    }

    /// <summary>Takes one line of the trace.</summary>
    /// <param name="format">The text, with places for the arguments.</param>
    /// <param name="args">The arguments.</param>
    public delegate void WriteTrace(string format, params object[] args);

    /// <summary>The trace of all clients of the process.</summary>
    public static class Trace
    {
        private static readonly object Gate = new object();
        private static WriteTrace listener;
        private static TraceLevel level;
        private static bool isListening;

        /// <summary>How much the trace says. <see cref="TraceLevel.Frame"/> counts for connections that are made after
        /// it was set. Default: nothing.</summary>
        public static TraceLevel TraceLevel
        {
            get
            {
                return level;
            }

            set
            {
                level = value;
                Apply();
            }
        }

        /// <summary>Takes the lines of the trace, on threads of the library; it may call everything. What it throws is
        /// swallowed. Null ends the trace.</summary>
        public static WriteTrace TraceListener
        {
            get
            {
                return listener;
            }

            set
            {
                listener = value;
                Apply();
            }
        }

        /// <summary>Writes a line, if its level is wanted.</summary>
        /// <param name="level">The level.</param>
        /// <param name="format">The text, with places for the arguments.</param>
        /// <param name="args">The arguments.</param>
        public static void WriteLine(TraceLevel level, string format, params object[] args)
        {
            WriteTrace current = listener;
            if (current == null || (level & TraceLevel) == 0)
            {
                return;
            }

            try
            {
                current(format, args);
            }
            catch (Exception)
            {
                // A trace must not disturb what it traces.
            }
        }

        /// <summary>Writes a packet, if packets are wanted.</summary>
        internal static void Frame(string text)
        {
            WriteLine(TraceLevel.Frame, "{0}", text);
        }

        private static void Apply()
        {
            lock (Gate)
            {
                MqttLogLevel wanted = listener == null ? MqttLogLevel.Off : Wanted();
                if (wanted != MqttLogLevel.Off && !isListening)
                {
                    isListening = true;
                    MqttLog.Logged += (sender, line) => WriteLine(LevelOf(line.Level), "{0}", line.Text);
                }

                MqttLog.Level = wanted;
            }
        }

        private static MqttLogLevel Wanted()
        {
            return (level & TraceLevel.Verbose) == TraceLevel.Verbose ? MqttLogLevel.Debug
                : (level & TraceLevel.Information) != 0 ? MqttLogLevel.Info
                : (level & TraceLevel.Warning) != 0 ? MqttLogLevel.Warning
                : (level & TraceLevel.Error) != 0 ? MqttLogLevel.Error
                : MqttLogLevel.Off;
        }

        private static TraceLevel LevelOf(MqttLogLevel line)
        {
            switch (line)
            {
                case MqttLogLevel.Error: return TraceLevel.Error;
                case MqttLogLevel.Warning: return TraceLevel.Warning;
                case MqttLogLevel.Info: return TraceLevel.Information;
                default: return TraceLevel.Verbose;
            }
        }
    }
}
