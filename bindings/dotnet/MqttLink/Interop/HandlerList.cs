using System;

namespace MqttLink.Interop
{
    /// <summary>
    /// The handlers of an event, whatever the type of its delegates. Each is called even if another one throws.
    /// </summary>
    internal class Handlers<TDelegate> where TDelegate : Delegate
    {
        private readonly object gate = new object();
        private Delegate combined;
        private volatile TDelegate[] handlers = Array.Empty<TDelegate>();

        internal bool IsEmpty => handlers.Length == 0;

        internal void Add(TDelegate handler)
        {
            lock (gate)
            {
                Take(Delegate.Combine(combined, handler));
            }
        }

        internal void Remove(TDelegate handler)
        {
            lock (gate)
            {
                Take(Delegate.Remove(combined, handler));
            }
        }

        /// <summary>
        /// Has <paramref name="call"/> call each handler; what one throws goes to <paramref name="report"/>, with the
        /// name of the event.
        /// </summary>
        internal void Raise<TSender, TArguments>(
            string name, TSender sender, TArguments arguments, Action<TDelegate, TSender, TArguments> call,
            Action<string, Exception> report)
        {
            foreach (var handler in handlers)
            {
                try
                {
                    call(handler, sender, arguments);
                }
                catch (Exception exception)
                {
                    report(name, exception);
                }
            }
        }

        protected TDelegate[] All => handlers;

        private void Take(Delegate all)
        {
            combined = all;
            handlers = all == null
                ? Array.Empty<TDelegate>()
                : Array.ConvertAll(all.GetInvocationList(), one => (TDelegate)one);
        }
    }

    /// <summary>The handlers of an event of the modern interface.</summary>
    internal sealed class HandlerList<T> : Handlers<EventHandler<T>>
    {
        /// <summary>Calls each handler; what one throws goes to <paramref name="report"/>.</summary>
        internal void Raise(object sender, T arguments, Action<Exception> report)
        {
            foreach (var handler in All)
            {
                try
                {
                    handler(sender, arguments);
                }
                catch (Exception exception)
                {
                    report(exception);
                }
            }
        }
    }
}
